-- reserve.lua
--
-- Purpose   Sets units aside for one demand; the lines are decided together.
-- Command   { channel, order_id, ttl_us, allow_split, partial, lines, reservation_id }
--           a line is { sku, quantity, location }; an empty location is sourced from the channel's pool
-- Journal   RESERVE: a movement per placement, the reservation; extra: the shortfalls of a partial one, packed
-- Invariant No level's held + committed passes its sellable units (NoOversell).

-- Sums lines of the same SKU and location, in the order of their first appearance.
local function summed(lines)
  if #lines == 1 then
    return lines
  end
  local sums, by_field = {}, {}
  for _, line in ipairs(lines) do
    local field = line[1] .. '|' .. line[3]
    local sum = by_field[field]
    if sum then
      sum[2] = sum[2] + line[2]
    else
      sum = { line[1], line[2], line[3] }
      by_field[field] = sum
      sums[#sums + 1] = sum
    end
  end
  return sums
end

-- The basket: what the lines placed so far have taken, by slot and by SKU, before anything is booked.
local function new_basket(pool_id)
  return { pool_id = pool_id, pool = pool_of(pool_id), taken = {}, taken_of_sku = {}, placements = {} }
end

local function left_in(basket, slot)
  return net_of(slot.level) - (basket.taken[slot] or 0)
end

local function place(basket, slot, quantity)
  basket.taken[slot] = (basket.taken[slot] or 0) + quantity
  basket.taken_of_sku[slot.sku] = (basket.taken_of_sku[slot.sku] or 0) + quantity
  basket.placements[#basket.placements + 1] = { slot, quantity }
end

-- Places a line at the location that it names. Returns what was placed and what there was.
local function place_at(basket, line, partial)
  local slot, quantity = slot_of(line[1], line[3]), line[2]
  local available = math.max(0, left_in(basket, slot))
  local placed = available >= quantity and quantity or (partial and available or 0)
  if placed > 0 then
    place(basket, slot, placed)
  end
  return placed, available
end

-- Places a line at the locations of the pool, in their order, as much at each as it has.
local function place_split(basket, line, partial)
  local sku, quantity = line[1], line[2]
  local record = sum_of(basket.pool_id, sku).record
  local available = record[SUM] - (basket.taken_of_sku[sku] or 0)
  if available <= 0 or (available < quantity and not partial) then
    return 0, math.max(0, available)
  end
  local rest = math.min(quantity, available)
  local placed = rest
  local rank = next_rank(record[BITS], 0)
  while rest > 0 and #basket.placements <= limits.max_placements_per_reservation do
    local slot = slot_of(sku, basket.pool[POOL_LOCATIONS][rank + 1])
    local take = math.min(rest, left_in(basket, slot))
    if take > 0 then
      place(basket, slot, take)
      rest = rest - take
    end
    rank = next_rank(record[BITS], rank + 1)
  end
  return placed, available
end

-- Places a line whole at the first location of the pool that has enough; if none has, a partial line goes to the one
-- that has most. Only a line that no location can supply alone looks at all locations that have any.
local function place_whole(basket, line, partial)
  local sku, quantity = line[1], line[2]
  local record = sum_of(basket.pool_id, sku).record
  local best, best_slot = 0, nil
  local rank = next_rank(record[BITS], 0)
  while rank do
    local slot = slot_of(sku, basket.pool[POOL_LOCATIONS][rank + 1])
    local left = left_in(basket, slot)
    if left >= quantity then
      place(basket, slot, quantity)
      return quantity, left
    end
    if left > best then
      best, best_slot = left, slot
    end
    rank = next_rank(record[BITS], rank + 1)
  end
  if partial and best > 0 then
    place(basket, best_slot, best)
    return best, best
  end
  return 0, best
end

-- Returns a refusal if a line names something that does not exist or that the channel does not sell from.
local function unknown_in(lines, pool_id)
  for _, line in ipairs(lines) do
    local sku, location = line[1], line[3]
    -- What a pool or a location has of a SKU proves that there is such an item; only else is it looked for.
    if location == '' then
      if not has_any(pool_id, sku) and not item_of(sku) then
        return refuse('UNKNOWN_SKU', sku)
      end
    else
      if not item_of(sku) then
        return refuse('UNKNOWN_SKU', sku)
      end
      local ranks = location_of(location)
      if not ranks then
        return refuse('UNKNOWN_LOCATION', location)
      end
      if not ranks[pool_id] then
        return refuse('LOCATION_NOT_IN_POOL', location)
      end
    end
  end
  return nil
end

operation.reserve = function(arguments, command)
  local channel, order_id, ttl_us, allow_split, partial, lines, id = unpack(arguments)
  local pool_id = channel_pool(channel)
  if not pool_id then
    return refuse('UNKNOWN_CHANNEL', channel)
  end
  local unknown = unknown_in(lines, pool_id)
  if unknown then
    return unknown
  end

  local sums = summed(lines)
  local basket = new_basket(pool_id)
  local placed_of, available_of = {}, {}
  -- Lines that name their location come first: the others can go elsewhere.
  for index, line in ipairs(sums) do
    if line[3] ~= '' then
      placed_of[index], available_of[index] = place_at(basket, line, partial)
    end
  end
  local source = allow_split and place_split or place_whole
  for index, line in ipairs(sums) do
    if line[3] == '' then
      placed_of[index], available_of[index] = source(basket, line, partial)
    end
  end
  local short, shortfalls = {}, {}
  for index, line in ipairs(sums) do
    if placed_of[index] < line[2] then
      short[#short + 1] = { line[1], line[3], line[2], available_of[index] }
      shortfalls[#shortfalls + 1] = { line[1], line[3], line[2], placed_of[index] }
    end
  end
  if #basket.placements > limits.max_placements_per_reservation then
    return refuse('LIMIT_EXCEEDED', 'max_placements_per_reservation', limits.max_placements_per_reservation)
  end
  if #short > 0 and (not partial or #basket.placements == 0) then
    return refuse('INSUFFICIENT_STOCK', short)
  end

  -- Everything is checked. From here on the reservation must succeed.
  local record = begin(KIND.RESERVE, command)
  local reservation_lines = {}
  for number, placement in ipairs(basket.placements) do
    local slot, quantity = placement[1], placement[2]
    move(record, KIND.RESERVE, number, slot, 0, 0, 0, quantity, 0)
    reservation_lines[number] = { slot.sku, slot.location, quantity, quantity, 0, 0, 0 }
  end
  local expire_us = now_us + ttl_us
  local reservation = {
    id, 0, STATE.HELD, channel, order_id, now_us, expire_us, now_us, record[POSITION], reservation_lines,
  }
  head.reservations = head.reservations + 1
  head.holds = head.holds + 1
  set_due(id, expire_us)
  record[RESERVATION_OF] = keep_reservation(reservation, record[POSITION])
  if #shortfalls > 0 then
    record[EXTRA] = cmsgpack.pack(shortfalls)
  end
  return finish(record, command)
end
