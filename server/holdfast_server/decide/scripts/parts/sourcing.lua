-- sourcing.lua: where the units of a demand come from. Places lines in a basket, before anything is booked.
--
-- A basket: what the lines placed so far have taken, by slot, by SKU, and by pools that must keep units for others; what
-- of them waits, by slot, which is promised before anything else there; and the placements { slot, quantity, ordered_sku, reason, expected_us, backordered }.

local Sourcing = {}
do

-- By the rule and the pool as they are now; either is another table when it is replaced.
local nearest_cache = {}

Sourcing.REASON_OF_ORDER = {
  [ORDER.POOL] = SOURCED.POOL_ORDER, [ORDER.NEAREST] = SOURCED.NEAREST, [ORDER.MOST_STOCK] = SOURCED.MOST_STOCK,
}
-- The locations with units that are looked at where all of them would have to be compared.
Sourcing.MAX_CANDIDATES = 64

function Sourcing.new_basket(channel_id, options)
  local pool_id = channel_of(channel_id)[CHANNEL.pool]
  return {
    channel_id = channel_id, pool_id = pool_id, pool = pool_of(pool_id),
    order = options.order or ORDER.POOL, destination = options.destination,
    taken = {}, taken_of_sku = {}, limits = {}, kept = {}, guards = {}, waiting = {}, placements = {},
  }
end

-- What other channels are guaranteed of a SKU, by pool.
local function kept_for_others(basket, sku)
  local kept = basket.kept[sku]
  if not kept then
    kept = Formula.guaranteed_to_others(sku, basket.channel_id, basket.pool_id) or NOTHING
    basket.kept[sku] = kept
  end
  return kept
end

-- What the channel may still take of a SKU, after what it has taken in this basket.
function Sourcing.limit_left(basket, sku)
  local limit = basket.limits[sku]
  if not limit then
    limit = Formula.limit(basket.channel_id, sku, Formula.units_in(basket.pool_id, sku), kept_for_others(basket, sku))
    basket.limits[sku] = limit
  end
  local left = limit - (basket.taken_of_sku[sku] or 0)
  return left > 0 and left or 0
end

-- What other pools can spare of a SKU: those that overlap with the channel's and must keep units for their channels.
local function guards_of(basket, sku)
  local guards = basket.guards[sku]
  if guards == nil then
    guards = false
    for pool_id, kept in pairs(kept_for_others(basket, sku)) do
      if pool_id ~= basket.pool_id then
        guards = guards or {}
        guards[pool_id] = Formula.units_in(pool_id, sku) - kept
      end
    end
    basket.guards[sku] = guards
  end
  return guards
end

function Sourcing.left_at(basket, slot)
  local left = net_of(slot) - (basket.taken[slot] or 0) - (basket.waiting[slot] or 0)
  local guards = guards_of(basket, slot.sku)
  if guards then
    for pool_id in pairs(ranks_of(slot.location)) do
      if guards[pool_id] then
        left = math.min(left, guards[pool_id])
      end
    end
  end
  return left
end

-- Counts units as taken, or with a minus as no longer.
function Sourcing.take(basket, slot, quantity)
  local sku = slot.sku
  basket.taken[slot] = (basket.taken[slot] or 0) + quantity
  basket.taken_of_sku[sku] = (basket.taken_of_sku[sku] or 0) + quantity
  local guards = basket.guards[sku]
  if guards then
    for pool_id in pairs(ranks_of(slot.location)) do
      if guards[pool_id] then
        guards[pool_id] = guards[pool_id] - quantity
      end
    end
  end
end

function Sourcing.place(basket, slot, quantity, ordered_sku, reason)
  Sourcing.take(basket, slot, quantity)
  basket.placements[#basket.placements + 1] = { slot, quantity, ordered_sku, reason, 0, 0 }
end

-- Takes the last placements out of the basket again.
function Sourcing.take_back(basket, count)
  for _ = 1, count do
    local placement = table.remove(basket.placements)
    Sourcing.take(basket, placement[1], -placement[2])
  end
end

-- The locations of the pool, the nearest first, as near ones in the pool's order; those of unknown distance last.
local function by_distance(basket)
  local rule = rule_of('distances|' .. basket.destination)
  local known = nearest_cache[rule] or {}
  nearest_cache[rule] = known
  local nearest = known[basket.pool]
  if not nearest then
    local distance_to = {}
    for _, pair in ipairs(rule) do
      distance_to[pair[1]] = pair[2]
    end
    nearest = {}
    for index, location in ipairs(basket.pool[POOL.locations]) do
      nearest[index] = { location, index - 1, distance_to[location] or math.huge }
    end
    table.sort(nearest, function(one, other)
      if one[3] ~= other[3] then
        return one[3] < other[3]
      end
      return one[2] < other[2]
    end)
    known[basket.pool] = nearest
  end
  return nearest
end

local function by_stock(basket, sku, bits)
  local slots, rank_of = {}, {}
  local rank = next_rank(bits, 0)
  while rank and #slots < Sourcing.MAX_CANDIDATES do
    local slot = slot_of(sku, basket.pool[POOL.locations][rank + 1])
    slots[#slots + 1] = slot
    rank_of[slot] = rank
    rank = next_rank(bits, rank + 1)
  end
  local left = {}
  for _, slot in ipairs(slots) do
    left[slot] = Sourcing.left_at(basket, slot)
  end
  table.sort(slots, function(one, other)
    if left[one] ~= left[other] then
      return left[one] > left[other]
    end
    return rank_of[one] < rank_of[other]
  end)
  return slots
end

-- Returns a function that gives the slots of a SKU with units, one after the other, in the basket's order.
function Sourcing.candidates(basket, sku)
  local bits = sum_of(basket.pool_id, sku).record[BITS]
  local locations = basket.pool[POOL.locations]
  if basket.order == ORDER.MOST_STOCK then
    local slots, index = by_stock(basket, sku, bits), 0
    return function()
      index = index + 1
      return slots[index]
    end
  end
  if basket.order == ORDER.NEAREST then
    local nearest, index = by_distance(basket), 0
    return function()
      repeat
        index = index + 1
      until not nearest[index] or bit_is_set(bits, nearest[index][2])
      return nearest[index] and slot_of(sku, nearest[index][1])
    end
  end
  local rank = -1
  return function()
    rank = next_rank(bits, rank + 1)
    if not rank then
      rank = #locations
      return nil
    end
    return slot_of(sku, locations[rank + 1])
  end
end

-- Each of these places a line, or of a line that may be partial what there is. They return what was placed and what
-- there was.

function Sourcing.at(basket, slot, quantity, partial, ordered_sku)
  local available = math.max(0, math.min(Sourcing.left_at(basket, slot), Sourcing.limit_left(basket, slot.sku)))
  local placed = available >= quantity and quantity or (partial and available or 0)
  if placed > 0 then
    Sourcing.place(basket, slot, placed, ordered_sku, SOURCED.NAMED_LOCATION)
  end
  return placed, available
end

-- As much at each location as it has.
function Sourcing.split(basket, sku, quantity, partial, ordered_sku)
  local available = Sourcing.limit_left(basket, sku)
  if available <= 0 or (available < quantity and not partial) then
    return 0, available
  end
  local wanted = math.min(quantity, available)
  local rest, first = wanted, #basket.placements
  for slot in Sourcing.candidates(basket, sku) do
    local units = math.min(rest, Sourcing.left_at(basket, slot))
    if units > 0 then
      Sourcing.place(basket, slot, units, ordered_sku, Sourcing.REASON_OF_ORDER[basket.order])
      rest = rest - units
    end
    if rest == 0 or #basket.placements > limits.max_placements_per_reservation then
      return wanted, available
    end
  end
  if rest > 0 and not partial then
    Sourcing.take_back(basket, #basket.placements - first)
    return 0, wanted - rest
  end
  return wanted - rest, available
end

-- The whole line at the first location that has enough; if none has, a partial line goes to the one that has most.
function Sourcing.whole(basket, sku, quantity, partial, ordered_sku)
  local limit = Sourcing.limit_left(basket, sku)
  local best, best_slot = 0, nil
  for slot in Sourcing.candidates(basket, sku) do
    local left = math.min(Sourcing.left_at(basket, slot), limit)
    if left >= quantity then
      Sourcing.place(basket, slot, quantity, ordered_sku, Sourcing.REASON_OF_ORDER[basket.order])
      return quantity, left
    end
    if left > best then
      best, best_slot = left, slot
    end
  end
  if partial and best > 0 then
    Sourcing.place(basket, best_slot, best, ordered_sku, Sourcing.REASON_OF_ORDER[basket.order])
    return best, best
  end
  return 0, best
end

end
