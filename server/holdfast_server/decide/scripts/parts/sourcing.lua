-- sourcing.lua: where the units of a demand come from. Places lines in a basket, before anything is booked.
--
-- A basket holds the placements: { slot, quantity, ordered_sku, reason, expected_us, backordered }. What the lines placed so
-- far have taken, and what of them waits, which is promised before anything else there, is noted on the slots and on the
-- claims, one per SKU, for a basket of one line must not cost a handful of tables. Only one basket is filled at a time;
-- notes of an earlier one do not count.

local Sourcing = {}
do

-- Returns the first elements of pairs, as a set.
local function set_of_first(pairs_given)
  local set = {}
  for _, pair in ipairs(pairs_given) do
    set[pair[1]] = true
  end
  return set
end

Sourcing.REASON_OF_ORDER = {
  [ORDER.POOL] = SOURCED.POOL_ORDER, [ORDER.NEAREST] = SOURCED.NEAREST, [ORDER.MOST_STOCK] = SOURCED.MOST_STOCK,
}
-- The locations with units that are looked at where all of them would have to be compared.
Sourcing.MAX_CANDIDATES = 64

-- By SKU: { basket, taken, waits, limit, cap_left, guards }.
local claims = {}

function Sourcing.new_basket(channel_id, options)
  local pool_id = channel_of(channel_id)[CHANNEL.pool]
  return {
    channel_id = channel_id, pool_id = pool_id, pool = pool_of(pool_id),
    order = options.order or ORDER.POOL, destination = options.destination, is_told = options.told, looked = 0, placements = {},
  }
end

-- Returns what pools can spare of a SKU that must keep units for their channels, the basket's own pool left out; or false.
local function guards_of(kept, sku, own_pool_id)
  local guards = false
  for pool_id, units in pairs(kept) do
    if pool_id ~= own_pool_id then
      guards = guards or {}
      guards[pool_id] = Formula.units_in(pool_id, sku) - units
    end
  end
  return guards
end

-- Returns what a basket has of a SKU so far: what it has taken, and what of it waits; what the channel may sell, and what
-- its cap leaves; and what other pools can spare, which overlap with the channel's and must keep units for their channels.
-- What is told takes no heed of others.
local function claim_on(basket, sku)
  local claim = claims[sku]
  if claim and claim.basket == basket then
    return claim
  end
  claim = claim or { basket = false, taken = 0, waits = 0, limit = 0, cap_left = 0, guards = false }
  claims[sku] = claim
  claim.basket, claim.taken, claim.waits = basket, 0, 0
  local units = Formula.units_in(basket.pool_id, sku)
  if not Formula.has_shares(sku) then
    claim.limit, claim.cap_left, claim.guards = Formula.limit(basket.channel_id, sku, units), math.huge, false
    return claim
  end
  local kept = not basket.is_told and Formula.guaranteed_to_others(sku, basket.channel_id, basket.pool_id) or NOTHING
  claim.limit = Formula.limit(basket.channel_id, sku, units, kept)
  claim.cap_left = Formula.cap_left(basket.channel_id, sku)
  claim.guards = kept ~= NOTHING and guards_of(kept, sku, basket.pool_id)
  return claim
end

-- What the channel may still take of a SKU, after what it has taken in this basket.
function Sourcing.limit_left(basket, sku)
  local claim = claim_on(basket, sku)
  local left = claim.limit - claim.taken
  if claim.waits > 0 then
    left = math.min(left, claim.cap_left - claim.taken - claim.waits)
  end
  return left > 0 and left or 0
end

-- What the channel's cap leaves of a SKU, after what this basket has taken and what of it waits.
function Sourcing.cap_left(basket, sku)
  local claim = claim_on(basket, sku)
  return claim.cap_left - claim.taken - claim.waits
end

-- What this basket has taken at a slot, and what of it waits there.
function Sourcing.taken_at(basket, slot)
  return slot.basket == basket and slot.taken or 0
end

function Sourcing.waiting_at(basket, slot)
  return slot.basket == basket and slot.waits or 0
end

-- Has units of a SKU wait at a slot.
function Sourcing.wait(basket, slot, quantity, expected_us)
  Sourcing.note(basket, slot, 0, quantity)
  local claim = claim_on(basket, slot.sku)
  claim.waits = claim.waits + quantity
  basket.placements[#basket.placements + 1] = { slot, quantity, '', SOURCED.AWAITED, expected_us, quantity }
end

-- Notes on a slot that units are taken, or with a minus no longer, and that others wait.
function Sourcing.note(basket, slot, taken, waits)
  if slot.basket ~= basket then
    slot.basket, slot.taken, slot.waits = basket, 0, 0
  end
  slot.taken, slot.waits = slot.taken + taken, slot.waits + waits
end

function Sourcing.left_at(basket, slot)
  local left = net_of(slot)
  if slot.basket == basket then
    left = left - slot.taken - slot.waits
  end
  local guards = claim_on(basket, slot.sku).guards
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
  Sourcing.note(basket, slot, quantity, 0)
  local claim = claim_on(basket, slot.sku)
  claim.taken = claim.taken + quantity
  if claim.guards then
    for pool_id in pairs(ranks_of(slot.location)) do
      if claim.guards[pool_id] then
        claim.guards[pool_id] = claim.guards[pool_id] - quantity
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

-- Returns the ranks in the pool of the next locations of a rule that are equally far, those with units, in the pool's order;
-- and where the rule goes on.
local function next_nearest(basket, rule, from, bits)
  local ranks, index = {}, from
  while rule[index] and rule[index][2] == rule[from][2] do
    local rank = ranks_of(rule[index][1])[basket.pool_id]
    if rank and bit_is_set(bits, rank) then
      ranks[#ranks + 1] = rank
    end
    index = index + 1
  end
  table.sort(ranks)
  return ranks, index
end

-- Gives the ranks of the locations with units, the nearest first, as near ones in the pool's order; those of unknown distance
-- last. The rule is sorted by distance; only as much of it is looked at as is needed.
local function by_distance(basket, bits)
  local rule = rule_of('distances|' .. basket.destination)
  local at, run, in_run, rank = 1, {}, 0, -1
  return function()
    in_run = in_run + 1
    while not run[in_run] and rule[at] do
      local from = at
      run, at = next_nearest(basket, rule, from, bits)
      in_run = 1
      if not Sourcing.look(basket, at - from) then
        return nil
      end
    end
    if run[in_run] then
      return run[in_run]
    end
    basket.declared = basket.declared or set_of_first(rule)
    repeat
      rank = rank and next_rank(bits, rank + 1)
    until not rank or not basket.declared[basket.pool[POOL.locations][rank + 1]]
    return rank
  end
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

local function places_in_order(basket, sku)
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
    local next_rank_by_distance = by_distance(basket, bits)
    return function()
      local rank = next_rank_by_distance()
      return rank and slot_of(sku, locations[rank + 1])
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

-- Returns the slot of the first location of the pool that has units of a SKU, or nil.
function Sourcing.first_in_pool(basket, sku)
  local rank = next_rank(sum_of(basket.pool_id, sku).record[BITS], 0)
  return rank and slot_of(sku, basket.pool[POOL.locations][rank + 1])
end

-- Notes that a basket looked at levels. Returns whether it may look at more.
function Sourcing.look(basket, levels)
  basket.looked = basket.looked + levels
  work = work + levels
  return basket.looked <= limits.max_levels_per_reservation
end

-- Returns a refusal if a basket would have to look at more levels than it may.
function Sourcing.look_refusal(basket)
  if basket.looked > limits.max_levels_per_reservation then
    return refuse('LIMIT_EXCEEDED', 'max_levels_per_reservation', limits.max_levels_per_reservation)
  end
  return nil
end

-- Returns a function that gives the slots of a SKU with units, one after the other, in the basket's order.
function Sourcing.candidates(basket, sku)
  local next_place = places_in_order(basket, sku)
  return function()
    return Sourcing.look(basket, 1) and next_place() or nil
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
  -- Most lines are supplied by the first location that has any; the search is not begun for them.
  local first = basket.order == ORDER.POOL and Sourcing.first_in_pool(basket, sku)
  if first and math.min(Sourcing.left_at(basket, first), limit) >= quantity then
    Sourcing.place(basket, first, quantity, ordered_sku, SOURCED.POOL_ORDER)
    return quantity, quantity
  end
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
