-- reserve.lua
--
-- Purpose   Sets units aside for one demand; the lines are decided together. Demand that is told of is booked by told.lua.
-- Command   { channel, order_id, ttl_us, allow_split, partial, lines, reservation_id, holder, options }
--           a line is { sku, quantity, location }; an empty location is sourced from the channel's pool
--           options  told, customer_id, allow_backorder, allow_substitution, order, destination, ship_complete,
--                    seen_position, not_after_us: what is not said is left out
-- Journal   RESERVE: a movement per placement, RESERVE or BACKORDER, and the reservation; extra: shortfalls of a partial
--           one and the incident of a told one, packed
-- Invariant No demand that may be refused takes a level's reserved units past its sellable ones (NoOversell), except what
--           a backorder rule allows.

-- Fields of a line of which there is too little.
local PLACED, AVAILABLE = 2, 3

-- Places a line of an ordinary SKU. Returns what was placed and what there was.
local function place_line(basket, line, split, partial)
  if line[3] ~= '' then
    return Sourcing.at(basket, slot_of(line[1], line[3]), line[2], partial, '')
  end
  return (split and Sourcing.split or Sourcing.whole)(basket, line[1], line[2], partial, '')
end

-- Lets the rest of a line wait, after what there is. Returns what is placed then: nothing of a line that must be whole and
-- cannot be.
local function place_with_backorder(basket, line, split, partial, placed, available)
  local sku, quantity, location = line[1], line[2], line[3]
  local before = #basket.placements
  if not partial and available > 0 then
    placed = place_line(basket, { sku, math.min(available, quantity), location }, split, true)
  end
  local slot, room, expected_us = Alternatives.room_to_wait(basket, sku, location)
  local rest = quantity - placed
  if slot and (partial or rest <= room) then
    local waits = math.min(room, rest)
    if waits > 0 then
      Sourcing.wait(basket, slot, waits, expected_us)
    end
    return placed + waits
  end
  if not partial then
    Sourcing.take_back(basket, #basket.placements - before)
    return 0
  end
  return placed
end

-- Places a line with all that the request allows. Returns what was placed and what there was.
local function place_demand(basket, line, split, partial, options)
  local sku, quantity, location = line[1], line[2], line[3]
  local parts = parts_of(item_of(sku))
  if parts then
    return Kits.place(basket, sku, parts, quantity, location, split, partial)
  end
  local placed, available = place_line(basket, line, split, partial)
  if placed < quantity and options.allow_substitution then
    placed = placed + Alternatives.substitute(basket, sku, quantity - placed, location, split)
  end
  if placed < quantity and options.allow_backorder then
    placed = place_with_backorder(basket, line, split, partial, placed, available)
  end
  return placed, available
end

-- Places the lines that name a location, or those that do not; notes those of which there is too little as { line, placed,
-- available, index }.
local function place_lines(basket, lines, are_named, short, split, partial, options)
  for index = 1, #lines do
    local line = lines[index]
    if (line[3] ~= '') == are_named then
      local placed, available = place_demand(basket, line, split, partial, options)
      if placed < line[2] then
        short[#short + 1] = { line, placed, available, index }
      end
    end
  end
end

local function without_location(lines)
  local sourced = {}
  for _, line in ipairs(lines) do
    if line[3] == '' then
      sourced[#sourced + 1] = line
    end
  end
  return sourced
end

-- Places all lines. Returns those of which there is too little, in the order of the lines.
local function fill_basket(basket, lines, split, partial, options)
  local short = {}
  -- Lines that name their location come first: the others can go elsewhere.
  place_lines(basket, lines, true, short, split, partial, options)
  local sourced = options.ship_complete and without_location(lines) or NOTHING
  if #sourced == 0 or not Alternatives.place_complete(basket, sourced) then
    place_lines(basket, lines, false, short, split, partial, options)
  end
  if #short > 1 then
    table.sort(short, function(one, other)
      return one[4] < other[4]
    end)
  end
  return short
end

-- Returns short lines as { SKU, location, requested, units }: the units that were PLACED, or that were AVAILABLE.
local function rows_of(short, units)
  local rows = {}
  for index, one in ipairs(short) do
    local line = one[1]
    rows[index] = { line[1], line[3], line[2], one[units] }
  end
  return rows
end

-- Says whether what the pool has of each line is known without too much work. What had to be made for it is kept, so a
-- demand that would make too many sums in a step goes on in the next.
local function sums_are_there(channel, lines)
  local pool_id = channel_of(channel)[CHANNEL.pool]
  for _, line in ipairs(lines) do
    Formula.units_in(pool_id, line[1])
    if cold_work >= limits.max_work_per_tick then
      return false
    end
  end
  return true
end

local function reserve_refusal(arguments)
  local channel, lines, holder, options = arguments[1], arguments[6], arguments[8], arguments[9]
  -- A part of a plan that comes so late that the plan may have been given up.
  if options.not_after_us and now_us > options.not_after_us then
    return refuse('TOO_LATE')
  end
  if not channel_of(channel) then
    return refuse('UNKNOWN_CHANNEL', channel)
  end
  if options.order == ORDER.NEAREST and not rule_of('distances|' .. options.destination) then
    return refuse('UNKNOWN_DESTINATION', options.destination)
  end
  local refusal = lines_refusal(lines, channel, options.told)
  if refusal or options.told then
    return refusal
  end
  return options.customer_id and hold_refusal(CUSTOMER, options.customer_id) or hold_refusal(CALLER, holder)
end

-- A question: whether a demand would be refused whatever is in stock.
operation.check_demand = function(arguments)
  return reserve_refusal(arguments) or { 'READ', {}, head.position }
end

operation.reserve = function(arguments, command)
  local refusal = reserve_refusal(arguments)
  if refusal then
    return refusal
  end
  local channel, split, partial, options = arguments[1], arguments[4], arguments[5], arguments[9]
  if options.told then
    return Told.book(arguments, command)
  end

  if #arguments[6] > 1 and not sums_are_there(channel, arguments[6]) then
    return { 'LATER' }
  end
  local sums = summed(arguments[6])
  local basket = Sourcing.new_basket(channel, options)
  local short = fill_basket(basket, sums, split, partial, options)
  local too_far = Sourcing.look_refusal(basket)
  if too_far then
    return too_far
  end
  if #basket.placements > limits.max_placements_per_reservation then
    return refuse('LIMIT_EXCEEDED', 'max_placements_per_reservation', limits.max_placements_per_reservation)
  end
  if #short > 0 and (not partial or #basket.placements == 0) then
    local rows = rows_of(short, AVAILABLE)
    return refuse('INSUFFICIENT_STOCK', rows, Alternatives.offers_for(channel, rows))
  end

  -- Everything is checked. From here on the reservation must succeed.
  local record = begin(KIND.RESERVE, command)
  local reservation = new_reservation(arguments, record, STATE.HELD)
  begin_hold(reservation)
  book_basket(record, basket, reservation)
  record[RECORD.reservation] = keep_reservation(reservation, record[RECORD.position])
  if #short > 0 then
    record[RECORD.extra] = cmsgpack.pack({ shortfalls = rows_of(short, PLACED) })
  end
  return finish(record, command)
end
