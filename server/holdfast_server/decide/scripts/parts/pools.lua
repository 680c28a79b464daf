-- pools.lua: what each pool has of a SKU, kept incrementally, and who sells from it.
--
-- For a pool and a SKU a record holds the sum of the positive net quantities, and one bit per location of the pool, in
-- the pool's order, that says whether its net quantity is positive. So neither the sum nor the first location with stock
-- costs more with more locations. Records are derived: one that is missing, or of an older version of its pool or its item, is
-- made anew from the levels when it is first needed. They are written without a journal entry, which is harmless.

-- By SKU and pool: { pool_id, sku, record, changed, touched }. A record is { pool version, sum, bits }.
local sums_of_sku, changed_sums, touched_sums = {}, {}, {}

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
  local index = math.floor(from / 8) + 1
  if index > #bits then
    return nil
  end
  for rank = from, index * 8 - 1 do
    if bit_is_set(bits, rank) then
      return rank
    end
  end
  index = string.find(bits, '[^%z]', index + 1)
  if not index then
    return nil
  end
  local rank = (index - 1) * 8
  while not bit_is_set(bits, rank) do
    rank = rank + 1
  end
  return rank
end

local function version_of(item)
  return item and item[ITEM.version] or 0
end

local function record_from_levels(pool, sku)
  local locations = pool[POOL.locations]
  local sum = 0
  local bits = string.rep('\0', math.ceil(#locations / 8))
  local item = item_of(sku)
  local version = version_of(item)
  if not item or item[ITEM.levels] == 0 then
    return { pool[POOL.version], sum, bits, version > 0 and version or nil }
  end
  local slots = slots_of_sku[sku] or {}
  local location_safety = pool[POOL.safety]
  for from = 1, #locations, CHUNK do
    local to = math.min(from + CHUNK - 1, #locations)
    local fields = {}
    for index = from, to do
      fields[#fields + 1] = sku .. '|' .. locations[index]
    end
    local packed = redis.call('HMGET', KEY.levels, unpack(fields))
    for offset = 1, #fields do
      local location = locations[from + offset - 1]
      local slot = slots[location]
      local units = physical_of(slot and slot.level or (not slot and packed[offset] and cmsgpack.unpack(packed[offset])))
      if units > 0 then
        units = units - find_safety(item, sku, location, location_safety and location_safety[location] or 0)
      end
      if units > 0 then
        sum = sum + units
        bits = with_bit(bits, from + offset - 2, true)
      end
    end
  end
  return { pool[POOL.version], sum, bits, version > 0 and version or nil }
end

local function mark_changed(sum)
  if not sum.changed then
    sum.changed = true
    changed_sums[#changed_sums + 1] = sum
  end
end

-- Returns what a pool has of a SKU, with a record of the pool's present version.
local function sum_of(pool_id, sku)
  local sums = sums_of_sku[sku]
  if not sums then
    sums = {}
    sums_of_sku[sku] = sums
  end
  local sum = sums[pool_id]
  if not sum then
    local packed = redis.call('HGET', KEY.sums, pool_id .. '|' .. sku)
    sum = { pool_id = pool_id, sku = sku, record = packed and cmsgpack.unpack(packed) or nil }
    sums[pool_id] = sum
  end
  if sum.checked == upheavals then
    return sum
  end
  sum.checked = upheavals
  local pool, item = pool_of(pool_id), item_of(sku)
  local record = sum.record
  if not record or record[VERSION] ~= pool[POOL.version] or (record[ITEM_VERSION] or 0) ~= version_of(item) then
    sum.record = record_from_levels(pool, sku)
    -- Of a SKU that does not exist nothing is kept, however often it is asked for.
    if item then
      mark_changed(sum)
    end
  end
  return sum
end

local NO_RANKS = {}

local function ranks_of(location)
  local place = location_of(location)
  return place and place[LOCATION.ranks] or NO_RANKS
end

-- Makes sure that the sums which a change of a level will touch are there. To be called before the change: a record that
-- must be made anew is made from the levels.
local function prepare_sums(slot)
  for pool_id in pairs(ranks_of(slot.location)) do
    sum_of(pool_id, slot.sku)
  end
end

-- Brings the sums up to a level whose net quantity has changed.
local function keep_sums(slot, before, after)
  local gained = math.max(0, after) - math.max(0, before)
  local turned = (before > 0) ~= (after > 0)
  local sums = sums_of_sku[slot.sku]
  for pool_id, rank in pairs(ranks_of(slot.location)) do
    local sum = sums[pool_id]
    local record = sum.record
    record[SUM] = record[SUM] + gained
    if turned then
      record[BITS] = with_bit(record[BITS], rank, after > 0)
    end
    mark_changed(sum)
    if not sum.touched then
      sum.touched = true
      touched_sums[#touched_sums + 1] = sum
      work = work + 1
    end
  end
end

-- Returns the availability after the tick of every SKU in every pool that the tick touched. Every channel of a pool may
-- sell what the pool has, so one image tells it for all of them.
local function availability_after()
  local images = {}
  for number, sum in ipairs(touched_sums) do
    images[number] = { sum.sku, sum.pool_id, sum_of(sum.pool_id, sum.sku).record[SUM] }
  end
  return images
end

local function write_sums()
  local fields = {}
  for number, sum in ipairs(changed_sums) do
    fields[2 * number - 1] = sum.pool_id .. '|' .. sum.sku
    fields[2 * number] = cmsgpack.pack(sum.record)
  end
  set_fields(KEY.sums, fields)
end
