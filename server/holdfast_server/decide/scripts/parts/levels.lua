-- levels.lua: stock levels as this tick sees them: read once, changed in memory, written at the end.
--
-- A level is met through its slot: { sku, location, field, level, safety, changed }, and what a basket takes of it (see
-- sourcing.lua). The slot is looked up once per use and then handed on, for the names of a level are long and the tick
-- meets the same one again and again.

local slots_of_sku, changed_slots = {}, {}

-- The greatest number of units on one level. A pool has at most 5,000 locations, so that its sum stays below 2^53,
-- the last integer that a Lua number holds exactly.
local MAX_LEVEL_QUANTITY = 1000000000000

local function new_slot(sku, location, field, packed)
  return {
    sku = sku, location = location, field = field, level = packed and cmsgpack.unpack(packed) or nil,
    safety = false, changed = false, basket = false, taken = 0, waits = 0,
  }
end

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
    slot = new_slot(sku, location, field, redis.call('HGET', KEYS[KEY.levels], field))
    slots[location] = slot
  end
  return slot
end

-- Looks at the levels of a SKU at many locations in few calls: look(location, level or nil, field, packed).
local function each_level(sku, locations, look)
  local slots = slots_of_sku[sku] or NOTHING
  for from = 1, #locations, CHUNK do
    local to = math.min(from + CHUNK - 1, #locations)
    local fields = {}
    for index = from, to do
      fields[#fields + 1] = sku .. '|' .. locations[index]
    end
    local packed = redis.call('HMGET', KEYS[KEY.levels], unpack(fields))
    for offset, field in ipairs(fields) do
      local location = locations[from + offset - 1]
      local slot = slots[location]
      local level = slot and slot.level or (not slot and packed[offset] and cmsgpack.unpack(packed[offset])) or nil
      look(location, level, field, packed[offset])
    end
  end
end

-- Has the slots of a SKU at many locations read in few calls.
local function read_levels(sku, locations)
  slots_of_sku[sku] = slots_of_sku[sku] or {}
  local slots = slots_of_sku[sku]
  each_level(sku, locations, function(location, _, field, packed)
    slots[location] = slots[location] or new_slot(sku, location, field, packed)
  end)
end

-- The locations at which a SKU has levels.
local stocked_cache, changed_stocked = {}, {}

local function stocked_at(sku)
  local locations = stocked_cache[sku]
  if not locations then
    local packed = redis.call('HGET', KEYS[KEY.stocked], sku)
    locations = packed and cmsgpack.unpack(packed) or {}
    stocked_cache[sku] = locations
  end
  return locations
end

-- Returns the units that are not sold: the rule of the level counts, else that of the SKU, else that of the location.
local function find_safety(item, sku, location, location_safety)
  if item and item[ITEM.safety] then
    if item[ITEM.safety_rules] > 0 then
      local rule = rule_of('safety|' .. sku .. '|' .. location)
      if rule then
        return rule[1]
      end
    end
    if item[ITEM.safety] >= 0 then
      return item[ITEM.safety]
    end
  end
  return location_safety
end

local function safety_of(slot)
  local units = slot.safety
  if not units then
    local place = location_of(slot.location)
    units = find_safety(item_of(slot.sku), slot.sku, slot.location, place and place[LOCATION.safety] or 0)
    slot.safety = units
  end
  return units
end

-- Has the safety stock of levels looked up again, after a rule has changed: of one SKU, or of all.
local function forget_safety(sku)
  for of_sku, slots in pairs(slots_of_sku) do
    if not sku or sku == of_sku then
      for _, slot in pairs(slots) do
        slot.safety = false
      end
    end
  end
end

local function backordered_of(slot)
  return slot.level and slot.level[LEVEL.backordered] or 0
end

local function in_transit_of(slot)
  return slot.level and slot.level[LEVEL.in_transit] or 0
end

-- What lies there and is promised to nobody, safety stock included. Signed: a correction can take units that are
-- reserved, and units can be promised before they are there.
local function physical_of(level)
  if not level then
    return 0
  end
  return level[LEVEL.sellable] - level[LEVEL.held] - level[LEVEL.committed] - (level[LEVEL.backordered] or 0)
end

-- What can still be reserved of a level. Signed.
local function net_of(slot)
  return physical_of(slot.level) - (slot.safety or safety_of(slot))
end

-- Returns the level of a slot for a change, and creates it if the location never had the SKU.
local function level_for_change(slot)
  if not slot.level then
    slot.level = { 0, 0, 0, 0, 0, 0 }
    head.levels = head.levels + 1
    local item = item_of(slot.sku)
    item[ITEM.levels] = item[ITEM.levels] + 1
    changed_items[slot.sku] = item
    local locations = stocked_at(slot.sku)
    locations[#locations + 1] = slot.location
    changed_stocked[slot.sku] = locations
  end
  if not slot.changed then
    slot.changed = true
    changed_slots[#changed_slots + 1] = slot
  end
  return slot.level
end

local function write_levels()
  local fields = {}
  for number = 1, #changed_slots do
    local slot = changed_slots[number]
    fields[2 * number - 1] = slot.field
    fields[2 * number] = cmsgpack.pack(slot.level)
  end
  set_fields(KEYS[KEY.levels], fields)
  fields = {}
  for sku, locations in pairs(changed_stocked) do
    fields[#fields + 1] = sku
    fields[#fields + 1] = cmsgpack.pack(locations)
  end
  set_fields(KEYS[KEY.stocked], fields)
end
