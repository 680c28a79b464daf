-- catalog.lua: items, locations, pools, channels and rules as this tick sees them: read once, changed in memory.

-- An item without rules is the pair of its scale and its number of levels; whatever else there is stands behind that.
-- `version` is the position of the last change that makes sums over pools worthless; `safety` is -1 without a rule;
-- `safety_rules` counts the rules of single levels. `rules`, if there are any:
--   channels     channel -> { allotted, guaranteed, cap, used, start_position, expire_us, buffer }; cap and buffer -1: none
--   backorder    { location, backorder_cap, expected_us, preorder_cap, release_us }
--   substitutes  SKUs, the best first
--   parts        { SKU, quantity } of each part of a kit
--   part_of      the number of kits that the item is a part of
local ITEM = { scale = 1, levels = 2, inactive = 3, version = 4, safety = 5, safety_rules = 6, rules = 7 }
local SHARE = { allotted = 1, guaranteed = 2, cap = 3, used = 4, start_position = 5, expire_us = 6, buffer = 7 }
local WAIT = { location = 1, backorder_cap = 2, expected_us = 3, preorder_cap = 4, release_us = 5 }
local LOCATION = { ranks = 1, safety = 2 }
local POOL = { version = 1, locations = 2, channels = 3, overlaps = 4, safety = 5 }
local CHANNEL = { pool = 1, buffer = 2 }

local item_cache, changed_items = {}, {}
local location_cache, changed_locations = {}, {}
local pool_cache, changed_pools = {}, {}
local channel_cache, changed_channels = {}, {}
local rule_cache, changed_rules = {}, {}

local function cached(cache, key, id)
  local record = cache[id]
  if record == nil then
    local packed = redis.call('HGET', key, id)
    record = packed and cmsgpack.unpack(packed) or false
    cache[id] = record
  end
  return record or nil
end

-- Each returns the record, or nil if there is no such thing.
local function item_of(sku)
  return item_cache[sku] or cached(item_cache, KEYS[KEY.items], sku)
end

local function location_of(id)
  return location_cache[id] or cached(location_cache, KEYS[KEY.locations], id)
end

local function pool_of(id)
  return pool_cache[id] or cached(pool_cache, KEYS[KEY.pools], id)
end

local function channel_of(id)
  return channel_cache[id] or cached(channel_cache, KEYS[KEY.channels], id)
end

local function rule_of(field)
  return cached(rule_cache, KEYS[KEY.rules], field)
end

local function rules_about(item)
  return item and item[ITEM.rules] or nil
end

-- Counts the changes of this tick that make sums over pools worthless.
local upheavals = 0

-- Returns the parts of a kit, or nil for any other item.
local function parts_of(item)
  local rules = rules_about(item)
  return rules and rules.parts or nil
end

local function is_inactive(item)
  return item[ITEM.inactive] == 1
end

-- Takes an item for a change: it gets all its fields.
local function item_for_change(sku)
  local item = item_of(sku)
  if item[ITEM.inactive] == nil then
    item[ITEM.inactive], item[ITEM.version], item[ITEM.safety], item[ITEM.safety_rules], item[ITEM.rules] = 0, 0, -1, 0, false
  end
  changed_items[sku] = item
  return item
end

local function rules_for_change(sku)
  local item = item_for_change(sku)
  item[ITEM.rules] = item[ITEM.rules] or {}
  return item[ITEM.rules]
end

-- Puts a rule that is not about one item alone, or with nil removes it.
local function keep_rule(field, record)
  local known = rule_of(field)
  if record and not known then
    head.rules = head.rules + 1
  elseif known and not record then
    head.rules = head.rules - 1
  end
  rule_cache[field] = record or false
  changed_rules[field] = record and cmsgpack.pack(record) or false
end

local overlap_cache = {}

-- Says whether two pools share a location.
local function do_overlap(pool_id, other_id)
  local overlaps = pool_of(pool_id)[POOL.overlaps]
  local set = overlap_cache[overlaps]
  if not set then
    set = {}
    for _, overlapping in ipairs(overlaps) do
      set[overlapping] = true
    end
    overlap_cache[overlaps] = set
  end
  return set[other_id] == true
end

local function write_records(key, records)
  if next(records) == nil then
    return
  end
  local fields = {}
  for id, record in pairs(records) do
    fields[#fields + 1] = id
    fields[#fields + 1] = cmsgpack.pack(record)
  end
  set_fields(key, fields)
end

local function write_catalog()
  write_records(KEYS[KEY.items], changed_items)
  write_records(KEYS[KEY.locations], changed_locations)
  write_records(KEYS[KEY.pools], changed_pools)
  write_records(KEYS[KEY.channels], changed_channels)
  write_changes(KEYS[KEY.rules], changed_rules)
end
