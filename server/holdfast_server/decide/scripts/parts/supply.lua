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
  end
  return supply
end

-- Returns the locations of which anything is known, as a set.
function Supply.places(supply)
  local places = {}
  for _, inbound in pairs(supply.expected) do
    places[inbound[1]] = true
  end
  for place_and_day in pairs(supply.owed) do
    places[string.match(place_and_day, '^(.*)|%d+$')] = true
  end
  return places
end

local function keep_supply(sku, supply)
  local has_any = next(supply.expected) ~= nil or next(supply.owed) ~= nil
  if has_any ~= supply.known then
    head.supply = head.supply + (has_any and 1 or -1)
    supply.known = has_any
  end
  changed_supply[sku] = has_any and cmsgpack.pack({ supply.expected, supply.owed }) or false
end

-- Says what is open of a document; nothing is kept of one that names no time.
function Supply.expect(sku, document, location, expected_us, open)
  local supply = Supply.find(sku)
  local inbound = expected_us > 0 and open > 0 and { location, expected_us, open } or nil
  if inbound or supply.expected[document] then
    supply.expected[document] = inbound
    keep_supply(sku, supply)
  end
end

-- Says that more units, or fewer, wait at a location and are expected at a time.
function Supply.owe(sku, location, expected_us, units)
  if expected_us == 0 or units == 0 then
    return
  end
  local supply = Supply.find(sku)
  local place_and_day = location .. '|' .. digits(math.floor(expected_us / 86400000000))
  local owed = (supply.owed[place_and_day] or 0) + units
  supply.owed[place_and_day] = owed ~= 0 and owed or nil
  keep_supply(sku, supply)
end

function Supply.write()
  write_changes(KEY.supply, changed_supply)
end

end
