-- supply.lua: what is expected of a SKU and what waits for it, by location and day; read for ATP, kept with every change.
--
-- A record is { expected, owed }: expected has { location, expected_us, open } of each plan and transfer that names a
-- time, by its document; owed has the backordered units that are expected on a day, by `location|day`.

local Supply = {}
do

local supply_cache, changed_supply = {}, {}

-- Lua packs an empty table as a list; both halves are maps, so an empty one is the same either way.
function Supply.find(sku)
  local supply = supply_cache[sku]
  if not supply then
    local packed = redis.call('HGET', KEY.supply, sku)
    local record = packed and cmsgpack.unpack(packed) or { {}, {} }
    supply = { expected = record[1], owed = record[2], known = packed and true or false }
    supply_cache[sku] = supply
    work = work + #keys_of(supply.expected)
  end
  return supply
end

local DAY_US = 86400000000

function Supply.day_of(time_us)
  return math.floor(time_us / DAY_US)
end

-- Returns { later, changes } of every location of which anything is known: the units that wait for a later day than
-- today, and what comes and goes from today on, by day. What is overdue does not count.
local function changes_by_place(supply)
  local today, places = Supply.day_of(now_us), {}
  local function change(location, day, units)
    local place = places[location] or { later = 0, changes = {} }
    places[location] = place
    place.changes[day] = (place.changes[day] or 0) + units
    return place
  end
  for _, inbound in pairs(supply.expected) do
    local day = Supply.day_of(inbound[2])
    if day >= today then
      change(inbound[1], day, inbound[3])
    end
  end
  for place_and_day, units in pairs(supply.owed) do
    local location, day = string.match(place_and_day, '^(.*)|(%d+)$')
    if tonumber(day) > today then
      local place = change(location, tonumber(day), -units)
      place.later = place.later + units
    end
  end
  return places
end

-- Returns, by location, the days on which anything changes, what has come by each, and the least that has come by any day
-- from it on. Made once in a tick, for a question may ask about many days.
function Supply.forecast(sku)
  local supply = Supply.find(sku)
  if not supply.forecast then
    supply.forecast = changes_by_place(supply)
    for _, place in pairs(supply.forecast) do
      place.days = keys_of(place.changes)
      table.sort(place.days)
      local come = 0
      place.come, place.least = {}, {}
      for index, day in ipairs(place.days) do
        come = come + place.changes[day]
        place.come[index] = come
      end
      for index = #place.days, 1, -1 do
        place.least[index] = math.min(place.come[index], place.least[index + 1] or math.huge)
      end
    end
  end
  return supply.forecast
end

-- Returns a refusal if a SKU that is new in a document has as many plans and transfers that name a time as it may have: what can
-- be promised is the sum over all of them.
function Supply.refusal(document, lines)
  for _, line in ipairs(lines) do
    local expected = Supply.find(line[1]).expected
    if not expected[document] and #keys_of(expected) >= limits.max_plans_per_item then
      return refuse('LIMIT_EXCEEDED', 'max_plans_per_item', limits.max_plans_per_item)
    end
  end
  return nil
end

local function keep_supply(sku, supply)
  local has_any = next(supply.expected) ~= nil or next(supply.owed) ~= nil
  if has_any ~= supply.known then
    head.supply = head.supply + (has_any and 1 or -1)
    supply.known = has_any
  end
  supply.forecast = nil
  changed_supply[sku] = supply
end

-- Says what is open of a document; nothing is kept of one that names no time.
function Supply.expect(sku, document, location, expected_us, open)
  local supply = Supply.find(sku)
  local known = supply.expected[document]
  if expected_us == 0 or open == 0 then
    if known then
      supply.expected[document] = nil
      keep_supply(sku, supply)
    end
  elseif not known or known[2] ~= expected_us or known[3] ~= open then
    supply.expected[document] = { location, expected_us, open }
    keep_supply(sku, supply)
  end
end

-- Says that more units, or fewer, wait at a location and are expected at a time.
function Supply.owe(sku, location, expected_us, units)
  if expected_us == 0 or units == 0 then
    return
  end
  local supply = Supply.find(sku)
  local place_and_day = location .. '|' .. digits(Supply.day_of(expected_us))
  local owed = (supply.owed[place_and_day] or 0) + units
  supply.owed[place_and_day] = owed ~= 0 and owed or nil
  keep_supply(sku, supply)
end

function Supply.write()
  local packed = {}
  for sku, supply in pairs(changed_supply) do
    packed[sku] = supply.known and cmsgpack.pack({ supply.expected, supply.owed }) or false
  end
  write_changes(KEY.supply, packed)
end

end
