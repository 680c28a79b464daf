-- put_pools.lua
--
-- Purpose   Creates pools or replaces those that exist, all or none.
-- Command   { pools }; a pool is { pool, display_name, locations }
-- Journal   PUT_POOLS: the pools.
-- Invariant The new version of a pool makes every sum that was kept for an older one worthless.

-- Returns a refusal, or nil. Counts the pools that each location would be in after the whole command.
local function pools_refusal(pools)
  local pools_after = {}
  for _, pool in ipairs(pools) do
    for _, location in ipairs(pool[3]) do
      local place = location_of(location)
      if not place then
        return refuse('UNKNOWN_LOCATION', location)
      end
      if not pools_after[location] then
        pools_after[location] = {}
        for id in pairs(place[LOCATION.ranks]) do
          pools_after[location][id] = true
        end
      end
      pools_after[location][pool[1]] = true
      if #keys_of(pools_after[location]) > limits.max_pools_per_location then
        return refuse('LIMIT_EXCEEDED', 'max_pools_per_location', limits.max_pools_per_location)
      end
    end
  end
  return nil
end

-- Notes in a pool, or no longer, that another one shares a location with it.
local function set_overlap(pool_id, other_id, does_overlap)
  local overlaps = {}
  for _, overlapping in ipairs(pool_of(pool_id)[POOL.overlaps]) do
    if overlapping ~= other_id then
      overlaps[#overlaps + 1] = overlapping
    end
  end
  if does_overlap then
    overlaps[#overlaps + 1] = other_id
  end
  pool_of(pool_id)[POOL.overlaps] = overlaps
  changed_pools[pool_id] = pool_of(pool_id)
end

local function put_pool(id, locations, position)
  local known = pool_of(id)
  if known then
    for _, location in ipairs(known[POOL.locations]) do
      location_of(location)[LOCATION.ranks][id] = nil
      changed_locations[location] = location_of(location)
    end
    for _, other_id in ipairs(known[POOL.overlaps]) do
      set_overlap(other_id, id, false)
    end
  else
    head.pools = head.pools + 1
  end
  local overlaps, safety = {}, {}
  for rank, location in ipairs(locations) do
    local place = location_of(location)
    for other_id in pairs(place[LOCATION.ranks]) do
      overlaps[other_id] = true
    end
    place[LOCATION.ranks][id] = rank - 1
    if place[LOCATION.safety] > 0 then
      safety[location] = place[LOCATION.safety]
    end
    changed_locations[location] = place
  end
  overlaps[id] = nil
  pool_cache[id] = { position, locations, known and known[POOL.channels] or {}, keys_of(overlaps), safety }
  changed_pools[id] = pool_cache[id]
  for other_id in pairs(overlaps) do
    set_overlap(other_id, id, true)
  end
end

operation.put_pools = function(arguments, command)
  local refusal = pools_refusal(arguments[1])
  if refusal then
    return refusal
  end

  -- Everything is checked. From here on the pools are in force.
  local record = begin(KIND.PUT_POOLS, command)
  upheavals = upheavals + 1
  for _, pool in ipairs(arguments[1]) do
    put_pool(pool[1], pool[3], record[RECORD.position])
  end
  record[RECORD.catalog] = arguments[1]
  return finish(record, command)
end
