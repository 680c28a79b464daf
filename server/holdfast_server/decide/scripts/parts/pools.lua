-- pools.lua: what each pool has of a SKU, kept incrementally, and who sells from it.
--
-- For a pool and a SKU a record holds the sum of the positive net quantities, and one bit per location of the pool, in
-- the pool's order, that says whether its net quantity is positive. So neither the sum nor the first location with stock
-- costs more with more locations. Records are derived: one that is missing, or of an older version of its pool or its item, is
-- made anew from the levels when it is first needed. They are written without a journal entry, which is harmless.

-- By SKU and pool: { pool_id, sku, field, record, checked, changed }. A record is { pool version, sum, bits }.
local sums_of_sku, changed_sums = {}, {}

-- The version of the item is left out while it is 0.
local VERSION, SUM, BITS, ITEM_VERSION = 1, 2, 3, 4

local function bit_is_set(bits, rank)
  return bit.band(string.byte(bits, math.floor(rank / 8) + 1), bit.lshift(1, rank % 8)) ~= 0
end

local function with_bit(bits, rank, on)
  local index = math.floor(rank / 8) + 1
  local mask = bit.lshift(1, rank % 8)
  local byte = string.byte(bits, index)
  byte = on and bit.bor(byte, mask) or bit.band(byte, bit.bnot(mask))
  return string.sub(bits, 1, index - 1) .. string.char(byte) .. string.sub(bits, index + 1)
end

-- Returns the least rank not below `from` whose bit is set, or nil.
local function next_rank(bits, from)
  local below = from % 8
  local index = (from - below) / 8 + 1
  local byte = string.byte(bits, index)
  if not byte then
    return nil
  end
  byte = byte - byte % 2 ^ below
  if byte == 0 then
    index = string.find(bits, '[^%z]', index + 1)
    if not index then
      return nil
    end
    byte = string.byte(bits, index)
  end
  local rank = (index - 1) * 8
  while byte % 2 == 0 do
    byte, rank = byte / 2, rank + 1
  end
  return rank
end

local NO_RANKS = {}

local function ranks_of(location)
  local place = location_of(location)
  return place and place[LOCATION.ranks] or NO_RANKS
end

-- The rank of each location in a pool, from 0, by the list of the pool's locations: another list is another pool.
local rank_cache = {}

local function ranks_in(pool_id)
  local locations = pool_of(pool_id)[POOL.locations]
  local ranks = rank_cache[locations]
  if not ranks then
    ranks = {}
    for index, location in ipairs(locations) do
      ranks[location] = index - 1
    end
    rank_cache[locations] = ranks
  end
  return ranks
end

local function version_of(item)
  return item and item[ITEM.version] or 0
end

-- So many levels that are looked at weigh as much as a movement. What this tick did to make sums anew is counted apart: it
-- is kept, so whoever waits for it gets further with every tick.
local LEVELS_PER_WORK = 8
local cold_work = 0

-- Returns the locations of a pool at which a SKU can have units: those where it has levels, if these are fewer.
local function places_to_look(pool_id, sku)
  local locations = pool_of(pool_id)[POOL.locations]
  if item_of(sku)[ITEM.levels] >= #locations then
    return locations
  end
  local ranks, places = ranks_in(pool_id), {}
  for _, location in ipairs(stocked_at(sku)) do
    if ranks[location] then
      places[#places + 1] = location
    end
  end
  return places
end

local function record_from_levels(pool_id, sku)
  local pool, item = pool_of(pool_id), item_of(sku)
  local sum, bits = 0, string.rep('\0', math.ceil(#pool[POOL.locations] / 8))
  local version = version_of(item)
  if item and item[ITEM.levels] > 0 then
    local ranks, places = ranks_in(pool_id), places_to_look(pool_id, sku)
    each_level(sku, places, function(location, level)
      local units = physical_of(level)
      if units > 0 then
        units = units - find_safety(item, sku, location, pool[POOL.safety][location] or 0)
      end
      if units > 0 then
        sum = sum + units
        bits = with_bit(bits, ranks[location], true)
      end
    end)
    local weight = math.ceil(#places / LEVELS_PER_WORK)
    work, cold_work = work + weight, cold_work + weight
  end
  return { pool[POOL.version], sum, bits, version > 0 and version or nil }
end

local function mark_changed(sum)
  if not sum.changed then
    sum.changed = true
    changed_sums[#changed_sums + 1] = sum
    work = work + 1
  end
end

local function read_sum(pool_id, sku)
  local field = pool_id .. '|' .. sku
  local packed = redis.call('HGET', KEYS[KEY.sums], field)
  local sum = {
    pool_id = pool_id, sku = sku, field = field, record = packed and cmsgpack.unpack(packed) or false,
    checked = false, changed = false,
  }
  local sums = sums_of_sku[sku]
  if not sums then
    sums = {}
    sums_of_sku[sku] = sums
  end
  sums[pool_id] = sum
  return sum
end

-- Drops what is kept of a sum if the pool or the item has changed since.
local function check_sum(sum)
  local record = sum.record
  sum.checked = upheavals
  if record and (record[VERSION] ~= pool_of(sum.pool_id)[POOL.version]
    or (record[ITEM_VERSION] or 0) ~= version_of(item_of(sum.sku))) then
    sum.record = false
  end
end

-- Returns the sum with what is kept of it: of this pool and item as they are now, or nothing.
local function kept_sum(pool_id, sku)
  local sums = sums_of_sku[sku]
  local sum = sums and sums[pool_id] or read_sum(pool_id, sku)
  if sum.checked ~= upheavals then
    check_sum(sum)
  end
  return sum
end

-- Returns what a pool has of a SKU, with a record of the pool's present version.
local function sum_of(pool_id, sku)
  local sum = kept_sum(pool_id, sku)
  if not sum.record then
    sum.record = record_from_levels(pool_id, sku)
    -- Of a SKU that does not exist nothing is kept, however often it is asked for.
    if item_of(sku) then
      mark_changed(sum)
    end
  end
  return sum
end

-- Brings the sums up to a level whose net quantity has changed. A sum that nobody has asked for since it became worthless
-- is not made for this: it will be made from the levels, which have the change.
local function keep_sums(slot, before, after)
  local gained = (after > 0 and after or 0) - (before > 0 and before or 0)
  local turned = (before > 0) ~= (after > 0)
  for pool_id, rank in pairs(ranks_of(slot.location)) do
    local sum = kept_sum(pool_id, slot.sku)
    local record = sum.record
    if record then
      record[SUM] = record[SUM] + gained
      if turned then
        record[BITS] = with_bit(record[BITS], rank, after > 0)
      end
      mark_changed(sum)
    end
  end
end

local function write_sums()
  local fields = {}
  for number = 1, #changed_sums do
    local sum = changed_sums[number]
    if sum.record then
      fields[#fields + 1] = sum.field
      fields[#fields + 1] = cmsgpack.pack(sum.record)
    end
  end
  set_fields(KEYS[KEY.sums], fields)
end
