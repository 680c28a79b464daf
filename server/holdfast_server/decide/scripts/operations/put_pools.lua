-- put_pools.lua
--
-- Purpose   Creates pools or replaces those that exist, all or none.
-- Command   { pools }; a pool is { pool, display_name, locations }
-- Journal   PUT_POOLS: the pools.
-- Invariant The new version of a pool makes every sum that was kept for an older one worthless.

-- Returns a refusal, or nil. Counts the pools that each location would be in after the whole command.
local function pools_refusal(pools)
  local pools_of = {}
  for _, pool in ipairs(pools) do
    for _, location in ipairs(pool[3]) do
      local ranks = location_of(location)
      if not ranks then
        return refuse('UNKNOWN_LOCATION', location)
      end
      if not pools_of[location] then
        pools_of[location] = {}
        for id in pairs(ranks) do
          pools_of[location][id] = true
        end
      end
      pools_of[location][pool[1]] = true
      local count = 0
      for _ in pairs(pools_of[location]) do
        count = count + 1
      end
      if count > limits.max_pools_per_location then
        return refuse('LIMIT_EXCEEDED', 'max_pools_per_location', limits.max_pools_per_location)
      end
    end
  end
  return nil
end

operation.put_pools = function(arguments, command)
  local refusal = pools_refusal(arguments[1])
  if refusal then
    return refusal
  end

  -- Everything is checked. From here on the pools are in force.
  local record = begin(KIND.PUT_POOLS, command)
  for _, pool in ipairs(arguments[1]) do
    local id, _, locations = unpack(pool)
    local known = pool_of(id)
    if known then
      for _, location in ipairs(known[POOL_LOCATIONS]) do
        location_of(location)[id] = nil
        changed_locations[location] = location_of(location)
      end
    else
      head.pools = head.pools + 1
    end
    for rank, location in ipairs(locations) do
      location_of(location)[id] = rank - 1
      changed_locations[location] = location_of(location)
    end
    pool_cache[id] = { record[POSITION], locations, known and known[POOL_CHANNELS] or {} }
    changed_pools[id] = pool_cache[id]
  end
  record[CATALOG] = arguments[1]
  return finish(record, command)
end
