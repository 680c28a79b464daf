-- kits.lua: kits in a basket. A kit is placed by its parts, whole kits only.

local Kits = made_when_used(function(Kits)

local function kits_left(basket, parts)
  return Formula.kits(parts, function(sku)
    return Sourcing.limit_left(basket, sku)
  end)
end

function Kits.at(basket, parts, location)
  return Formula.kits(parts, function(sku)
    return math.max(0, math.min(Sourcing.left_at(basket, slot_of(sku, location)), Sourcing.limit_left(basket, sku)))
  end)
end

local function place_kits_at(basket, kit, parts, location, count, reason)
  for _, part in ipairs(parts) do
    Sourcing.place(basket, slot_of(part[1], location), count * part[2], kit, reason)
  end
end

local function place_kits_split(basket, kit, parts, quantity, partial)
  local available = kits_left(basket, parts)
  local count = available >= quantity and quantity or (partial and available or 0)
  local first = #basket.placements
  if count > 0 then
    for _, part in ipairs(parts) do
      if Sourcing.split(basket, part[1], count * part[2], false, kit) == 0 then
        Sourcing.take_back(basket, #basket.placements - first)
        return 0, available
      end
    end
  end
  return count, available
end

local function place_kits_whole(basket, kit, parts, quantity, partial)
  local best, best_location = 0, nil
  for slot in Sourcing.candidates(basket, parts[1][1]) do
    local count = Kits.at(basket, parts, slot.location)
    if count >= quantity then
      place_kits_at(basket, kit, parts, slot.location, quantity, Sourcing.REASON_OF_ORDER[basket.order])
      return quantity, count
    end
    if count > best then
      best, best_location = count, slot.location
    end
  end
  if partial and best > 0 then
    place_kits_at(basket, kit, parts, best_location, best, Sourcing.REASON_OF_ORDER[basket.order])
    return best, best
  end
  return 0, best
end

-- Places a line of kits. Returns the kits that were placed and those that there were.
function Kits.place(basket, kit, parts, quantity, location, split, partial)
  if location ~= '' then
    local available = Kits.at(basket, parts, location)
    local count = available >= quantity and quantity or (partial and available or 0)
    if count > 0 then
      place_kits_at(basket, kit, parts, location, count, SOURCED.NAMED_LOCATION)
    end
    return count, available
  end
  if split then
    return place_kits_split(basket, kit, parts, quantity, partial)
  end
  return place_kits_whole(basket, kit, parts, quantity, partial)
end

end)
