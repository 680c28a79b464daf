-- availability.lua
--
-- Purpose   Says what may be sold now of each SKU, to a channel or from a location.
-- Command   { keys }; a key is { sku, channel, location } with one of the two empty
-- Returns   { "READ", answers }; an answer is { available, level } with an empty level if there is none
-- Journal   nothing

operation.availability = function(arguments)
  local answers = {}
  for index, key in ipairs(arguments[1]) do
    local sku, channel, location = unpack(key)
    if not item_of(sku) then
      return refuse('UNKNOWN_SKU', sku)
    end
    if channel ~= '' then
      local pool_id = channel_pool(channel)
      if not pool_id then
        return refuse('UNKNOWN_CHANNEL', channel)
      end
      answers[index] = { sum_of(pool_id, sku).record[SUM], {} }
    else
      if not location_of(location) then
        return refuse('UNKNOWN_LOCATION', location)
      end
      local level = slot_of(sku, location).level
      answers[index] = { math.max(0, net_of(level)), level or {} }
    end
  end
  return { 'READ', answers }
end
