-- alternatives.lua: what is done about a line of which there is too little: substitutes, backorders, and one location that
-- has everything.

local Alternatives = made_when_used(function(Alternatives)

-- Places what is missing of a line as a substitute: the first that has all of it. Returns what was placed.
function Alternatives.substitute(basket, sku, quantity, location, split)
  local rules = rules_about(item_of(sku))
  for _, substitute in ipairs(rules and rules.substitutes or NOTHING) do
    local item = item_of(substitute)
    if item and not is_inactive(item) and not parts_of(item) then
      local placed
      if location ~= '' then
        placed = Sourcing.at(basket, slot_of(substitute, location), quantity, false, sku)
      else
        placed = (split and Sourcing.split or Sourcing.whole)(basket, substitute, quantity, false, sku)
      end
      if placed == quantity then
        return quantity
      end
    end
  end
  return 0
end

-- Returns what may be sold instead of short lines: { SKU, substitute, units }.
function Alternatives.offers_for(channel_id, short)
  local offers = {}
  for _, line in ipairs(short) do
    local rules = rules_about(item_of(line[1]))
    for _, substitute in ipairs(rules and rules.substitutes or NOTHING) do
      local item = item_of(substitute)
      local units = item and not is_inactive(item) and not parts_of(item) and Formula.available_to(channel_id, substitute) or 0
      if units > 0 then
        offers[#offers + 1] = { line[1], substitute, units }
      end
    end
  end
  return offers
end

-- Returns where units of a line may wait and how many, after what waits in this basket; or nil.
function Alternatives.room_to_wait(basket, sku, location)
  local slot, room, expected_us = Formula.backorder(basket.pool_id, sku)
  if not slot or (location ~= '' and location ~= slot.location) then
    return nil
  end
  -- Units that are there would go to whoever waits; they are kept from the channel, or they would have been taken.
  if net_of(slot) - Sourcing.taken_at(basket, slot) - Sourcing.waiting_at(basket, slot) > 0 then
    return nil
  end
  room = math.min(room - Sourcing.waiting_at(basket, slot), Sourcing.cap_left(basket, sku))
  return slot, math.max(0, room), expected_us
end

-- Places all sourced lines at one location, the first in the order that has them all. Returns whether there was one.
function Alternatives.place_complete(basket, lines)
  local first = item_of(lines[1][1])
  local parts = parts_of(first)
  local tried = 0
  for slot in Sourcing.candidates(basket, parts and parts[1][1] or lines[1][1]) do
    tried = tried + 1
    if tried > Sourcing.MAX_CANDIDATES then
      return false
    end
    local before, fits = #basket.placements, true
    for _, line in ipairs(lines) do
      local sku, quantity = line[1], line[2]
      local parts_of_line = parts_of(item_of(sku))
      local there
      if parts_of_line then
        there = Kits.at(basket, parts_of_line, slot.location)
      else
        there = math.min(Sourcing.left_at(basket, slot_of(sku, slot.location)), Sourcing.limit_left(basket, sku))
      end
      if there < quantity then
        fits = false
        break
      end
      for _, part in ipairs(parts_of_line or { { sku, 1 } }) do
        Sourcing.place(basket, slot_of(part[1], slot.location), quantity * part[2], parts_of_line and sku or '', SOURCED.SHIP_COMPLETE)
      end
    end
    if fits then
      return true
    end
    Sourcing.take_back(basket, #basket.placements - before)
  end
  return false
end

end)
