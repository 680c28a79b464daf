-- availability.lua
--
-- Purpose   Says what may be sold now of each SKU, to a channel or from a location; and promised for a day, where asked.
-- Command   { keys, if_there }; a key is { sku, channel, location, promise_us } with channel or location empty, and promise_us 0 if
--           no day is asked about. With if_there, what does not exist is answered with false instead of a refusal
-- Returns   { "READ", answers, position }: the position that they reflect, since commands after this one in the tick may
--           change them; an answer is { available, level, backorder, promise, safety } with an empty level if there
--           is none, and promise -1 if it was not asked for
-- Journal   nothing

local function answer_to_channel(sku, channel, promise_us)
  local available = Formula.available_to(channel, sku)
  return {
    available, {}, Formula.backorder_beyond(channel, sku, available),
    promise_us > 0 and Formula.promise(channel, '', sku, promise_us) or -1, 0,
  }
end

local function answer_of_location(sku, location, promise_us)
  local slot = slot_of(sku, location)
  return {
    Formula.available_at(location, sku), slot.level or {}, 0,
    promise_us > 0 and Formula.promise('', location, sku, promise_us) or -1, safety_of(slot),
  }
end

local function unknown(sku, channel, location)
  if not item_of(sku) then
    return refuse('UNKNOWN_SKU', sku)
  end
  if channel ~= '' then
    return not channel_of(channel) and refuse('UNKNOWN_CHANNEL', channel) or nil
  end
  return not location_of(location) and refuse('UNKNOWN_LOCATION', location) or nil
end

-- Sums that are made for a question are kept, so one that would make too many in a step goes on in the next.
operation.availability = function(arguments)
  local answers, if_there = {}, arguments[2]
  for index, key in ipairs(arguments[1]) do
    if cold_work >= limits.max_work_per_tick then
      return { 'LATER' }
    end
    local sku, channel, location, promise_us = unpack(key)
    local refusal = unknown(sku, channel, location)
    if refusal and not if_there then
      return refusal
    end
    if refusal then
      answers[index] = false
    elseif channel ~= '' then
      answers[index] = answer_to_channel(sku, channel, promise_us)
    else
      answers[index] = answer_of_location(sku, location, promise_us)
    end
  end
  return { 'READ', answers, head.position }
end
