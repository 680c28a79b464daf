-- levels.lua: stock levels as this tick sees them: read once, changed in memory, written at the end.

local level_cache, changed_levels = {}, {}
local item_cache, changed_items = {}, {}

-- The greatest number of units on one level. A pool has at most 5,000 locations, so that its sum stays below 2^53,
-- the last integer that a Lua number holds exactly.
local MAX_LEVEL_QUANTITY = 1000000000000

local function level_field(sku, location)
  return sku .. '|' .. location
end

-- Returns the level, or nil if the location never had the SKU.
local function level_of(sku, location)
  local field = level_field(sku, location)
  local level = level_cache[field]
  if level == nil then
    local packed = redis.call('HGET', LEVELS, field)
    level = packed and cmsgpack.unpack(packed) or false
    level_cache[field] = level
  end
  return level or nil
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

-- Returns the level for a change, and creates it if the location never had the SKU.
local function level_for_change(sku, location)
  local level = level_of(sku, location)
  local field = level_field(sku, location)
  if not level then
    level = { 0, 0, 0, 0, 0, 0 }
    level_cache[field] = level
    head.levels = head.levels + 1
    local item = item_of(sku)
    item[2] = item[2] + 1
    changed_items[sku] = item
  end
  changed_levels[field] = level
  return level
end

local function write_levels()
  local fields = {}
  for field, level in pairs(changed_levels) do
    fields[#fields + 1] = field
    fields[#fields + 1] = cmsgpack.pack(level)
  end
  set_fields(LEVELS, fields)
end
