-- supply.lua: what is expected at a level and what waits for it, by day; read for ATP, kept with every change.
--
-- A record is { expected, owed }: expected has { expected_us, open } of each plan and transfer that names a time, by its
-- document; owed has the backordered units that are expected on a day, by the day. Which levels have a record stands in an
-- index, sorted by their names, so that those of a SKU are found without knowing where they are.

local Supply = made_when_used(function(Supply)

local supply_cache, changed_supply, forecasts = {}, {}, {}
local indexed, unindexed = {}, {}
local DAY_US = 86400000000

function Supply.day_of(time_us)
  return math.floor(time_us / DAY_US)
end

-- Lua packs an empty table as a list; both halves are maps, so an empty one is the same either way.
local function new_supply(packed)
  local record = packed and cmsgpack.unpack(packed) or { {}, {} }
  return { expected = record[1], owed = record[2], known = packed and true or false }
end

local function find(sku, location)
  local field = sku .. '|' .. location
  if not supply_cache[field] then
    supply_cache[field] = new_supply(redis.call('HGET', KEYS[KEY.supply], field))
  end
  return supply_cache[field], field
end

local function keep_supply(sku, field, supply)
  local has_any = next(supply.expected) ~= nil or next(supply.owed) ~= nil
  if has_any ~= supply.known then
    head.supply = head.supply + (has_any and 1 or -1)
    supply.known = has_any
    indexed[field], unindexed[field] = has_any or nil, not has_any or nil
  end
  forecasts[sku] = nil
  changed_supply[field] = supply
end

-- Says what is open of a document; nothing is kept of one that names no time.
function Supply.expect(sku, document, location, expected_us, open)
  local supply, field = find(sku, location)
  local known = supply.expected[document]
  if expected_us == 0 or open == 0 then
    if known then
      supply.expected[document] = nil
      keep_supply(sku, field, supply)
    end
  elseif not known or known[1] ~= expected_us or known[2] ~= open then
    supply.expected[document] = { expected_us, open }
    keep_supply(sku, field, supply)
  end
end

-- Says that more units, or fewer, wait at a location and are expected at a time.
function Supply.owe(sku, location, expected_us, units)
  if expected_us == 0 or units == 0 then
    return
  end
  local supply, field = find(sku, location)
  local day = digits(Supply.day_of(expected_us))
  local owed = (supply.owed[day] or 0) + units
  supply.owed[day] = owed ~= 0 and owed or nil
  keep_supply(sku, field, supply)
end

-- Returns a refusal if a level that is new in a document has as many plans and transfers that name a time as it may have.
function Supply.refusal(document, location, lines)
  for _, line in ipairs(lines) do
    local expected = find(line[1], location).expected
    if not expected[document] and #keys_of(expected) >= limits.max_plans_per_level then
      return refuse('LIMIT_EXCEEDED', 'max_plans_per_level', limits.max_plans_per_level)
    end
  end
  return nil
end

-- Returns the locations at which anything of a SKU is expected or waits, and has their records read.
local function places_of(sku)
  local fields, missing = {}, {}
  for _, field in ipairs(redis.call('ZRANGEBYLEX', KEYS[KEY.places], '[' .. sku .. '|', '(' .. sku .. '}')) do
    if not unindexed[field] then
      fields[#fields + 1] = field
    end
  end
  for field in pairs(indexed) do
    if string.sub(field, 1, #sku + 1) == sku .. '|' then
      fields[#fields + 1] = field
    end
  end
  for _, field in ipairs(fields) do
    if not supply_cache[field] then
      missing[#missing + 1] = field
    end
  end
  for from = 1, #missing, CHUNK do
    local to = math.min(from + CHUNK - 1, #missing)
    for offset, packed in ipairs(redis.call('HMGET', KEYS[KEY.supply], unpack(missing, from, to))) do
      supply_cache[missing[from + offset - 1]] = new_supply(packed)
    end
  end
  return fields
end

-- Returns the days on which anything changes at a level, what has come by each, the least that has come by any day from it
-- on, and the units that wait for a later day than today; nil if nothing changes. What is overdue does not count.
local function forecast_of(supply)
  local today, later, changes = Supply.day_of(now_us), 0, {}
  for _, inbound in pairs(supply.expected) do
    local day = Supply.day_of(inbound[1])
    if day >= today then
      changes[day] = (changes[day] or 0) + inbound[2]
    end
  end
  for owed_on, units in pairs(supply.owed) do
    local day = tonumber(owed_on)
    if day > today then
      changes[day] = (changes[day] or 0) - units
      later = later + units
    end
  end
  local days, come, least, sum = keys_of(changes), {}, {}, 0
  table.sort(days)
  for index, day in ipairs(days) do
    sum = sum + changes[day]
    come[index] = sum
  end
  for index = #days, 1, -1 do
    least[index] = math.min(come[index], least[index + 1] or math.huge)
  end
  return #days > 0 and { days = days, come = come, least = least, later = later } or nil
end

-- Returns the forecast of a level, or nil if nothing changes there.
function Supply.forecast_at(sku, location)
  return forecast_of(find(sku, location))
end

-- Returns the forecasts of all levels of a SKU at which anything changes, by location. Made once in a tick, for a question may
-- ask about many days.
function Supply.forecasts(sku)
  if not forecasts[sku] then
    forecasts[sku] = {}
    for _, field in ipairs(places_of(sku)) do
      forecasts[sku][string.sub(field, #sku + 2)] = forecast_of(supply_cache[field])
      work = work + 1
    end
  end
  return forecasts[sku]
end

function Supply.write()
  local packed = {}
  for field, supply in pairs(changed_supply) do
    packed[field] = supply.known and cmsgpack.pack({ supply.expected, supply.owed }) or false
  end
  write_changes(KEYS[KEY.supply], packed)
  add_members(KEYS[KEY.places], indexed)
  remove_fields('ZREM', KEYS[KEY.places], keys_of(unindexed))
end

end)
