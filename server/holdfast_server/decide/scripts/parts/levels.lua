-- levels.lua: stock levels as this tick sees them: read once, changed in memory, written at the end.
--
-- A level is met through its slot: { sku, location, field, level, sums, changed }. The slot is looked up once per use
-- and then handed on, for the names of a level are long and the tick meets the same one again and again.

local slots_of_sku, changed_slots = {}, {}
local item_cache, changed_items = {}, {}

-- The greatest number of units on one level. A pool has at most 5,000 locations, so that its sum stays below 2^53,
-- the last integer that a Lua number holds exactly.
local MAX_LEVEL_QUANTITY = 1000000000000

-- Returns the slot of a level; slot.level is nil if the location never had the SKU.
local function slot_of(sku, location)
  local slots = slots_of_sku[sku]
  if not slots then
    slots = {}
    slots_of_sku[sku] = slots
  end
  local slot = slots[location]
  if not slot then
    local field = sku .. '|' .. location
    local packed = redis.call('HGET', LEVELS, field)
    slot = { sku = sku, location = location, field = field, level = packed and cmsgpack.unpack(packed) or nil }
    slots[location] = slot
  end
  return slot
end

-- What can still be reserved of a level. Signed: a correction can take units that are reserved.
local function net_of(level)
  if not level then
    return 0
  end
  return level[LEVEL.sellable] - level[LEVEL.held] - level[LEVEL.committed]
end

-- Returns the packed pair of an item, scale and number of levels, or nil if there is no such SKU.
local function item_of(sku)
  local item = item_cache[sku]
  if item == nil then
    local packed = redis.call('HGET', ITEMS, sku)
    item = packed and cmsgpack.unpack(packed) or false
    item_cache[sku] = item
  end
  return item or nil
end

-- Returns the level of a slot for a change, and creates it if the location never had the SKU.
local function level_for_change(slot)
  if not slot.level then
    slot.level = { 0, 0, 0, 0, 0, 0 }
    head.levels = head.levels + 1
    local item = item_of(slot.sku)
    item[2] = item[2] + 1
    changed_items[slot.sku] = item
  end
  if not slot.changed then
    slot.changed = true
    changed_slots[#changed_slots + 1] = slot
  end
  return slot.level
end

local function write_levels()
  local fields = {}
  for number, slot in ipairs(changed_slots) do
    fields[2 * number - 1] = slot.field
    fields[2 * number] = cmsgpack.pack(slot.level)
  end
  set_fields(LEVELS, fields)
end
