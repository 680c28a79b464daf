-- lines.lua: the lines of reservations: units that are given up, freed, or reserved elsewhere, and the end of it all.

local Lines = made_when_used(function(Lines)

function Lines.slot(line)
  return slot_of(line[LINE.sku], line[LINE.location])
end

-- Adds a line of units that are reserved at a slot: there, or awaited there.
function Lines.add(reservation, slot, quantity, ordered_sku, reason, expected_us, backordered, position)
  local lines = reservation[RESERVATION.lines]
  local number = #lines + 1
  lines[number] = {
    slot.sku, slot.location, quantity, ordered_sku, reason, expected_us, quantity, 0, 0, 0, 0, 0, backordered,
    backordered > 0 and position or 0,
  }
  if backordered > 0 then
    begin_waiting(reservation, number)
    Supply.owe(slot.sku, slot.location, expected_us, backordered)
  end
  return number
end

-- Has units of a line wait for others to come.
function Lines.let_wait(reservation, number, units, position)
  local line = reservation[RESERVATION.lines][number]
  if line[LINE.backordered] == 0 then
    line[LINE.wait_position] = position
    begin_waiting(reservation, number)
  end
  line[LINE.backordered] = line[LINE.backordered] + units
  Supply.owe(line[LINE.sku], line[LINE.location], line[LINE.expected_us], units)
end

-- Has units of a line wait no longer.
local function stop_waiting(reservation, number, units)
  if units == 0 then
    return
  end
  local line = reservation[RESERVATION.lines][number]
  line[LINE.backordered] = line[LINE.backordered] - units
  Supply.owe(line[LINE.sku], line[LINE.location], line[LINE.expected_us], -units)
  if line[LINE.backordered] == 0 then
    end_waiting(reservation, number)
  end
end

-- Takes units of a line out of what is reserved, those that wait first, and counts them where the line counts them.
local function free_units(record, kind, reservation, number, units, counter)
  local line = reservation[RESERVATION.lines][number]
  local waiting = math.min(units, line[LINE.backordered])
  local covered = units - waiting
  local is_held = reservation[RESERVATION.state] == STATE.HELD
  stop_waiting(reservation, number, waiting)
  move(record, kind, number, Lines.slot(line), 0, 0, 0, is_held and -covered or 0, is_held and 0 or -covered, -waiting)
  line[LINE.open] = line[LINE.open] - units
  line[counter] = line[counter] + units
end

-- Gives units of a line back: released or expired. The allotment that they used is free for others.
function Lines.give_up(record, kind, reservation, number, units, counter)
  free_units(record, kind, reservation, number, units, counter)
  Shares.use(reservation, reservation[RESERVATION.lines][number][LINE.sku], -units)
end

-- Ends a reservation of which nothing is open.
function Lines.end_if_resolved(reservation)
  local fulfilled = 0
  for _, line in ipairs(reservation[RESERVATION.lines]) do
    if line[LINE.open] > 0 then
      return
    end
    fulfilled = fulfilled + line[LINE.fulfilled]
  end
  if reservation[RESERVATION.state] == STATE.HELD then
    end_hold(reservation)
  end
  reservation[RESERVATION.state] = fulfilled > 0 and STATE.FULFILLED or STATE.RELEASED
end

-- Books units of a reservation that are there: held or committed, as the reservation is.
function Lines.book(record, kind, reservation, number, slot, units)
  local is_held = reservation[RESERVATION.state] == STATE.HELD
  move(record, kind, number, slot, 0, 0, 0, is_held and units or 0, is_held and 0 or units)
end

-- Units that a reservation is to draw from several places: what is taken by it so far, and how many lines it has then.
function Lines.new_draw(reservation)
  return { taken = {}, lines = #reservation[RESERVATION.lines] }
end

-- Returns a refusal if a reservation would get more lines than it may have.
function Lines.draw_refusal(draw)
  if draw.lines > limits.max_placements_per_reservation then
    return refuse('LIMIT_EXCEEDED', 'max_placements_per_reservation', limits.max_placements_per_reservation)
  end
  return nil
end

-- Draws units from the locations of a pool in its order, as much as each has, one location left out. Returns the places
-- and what could be drawn.
function Lines.draw(draw, pool_id, sku, units, but_not)
  local record = sum_of(pool_id, sku).record
  local locations = pool_of(pool_id)[POOL.locations]
  local places, drawn = {}, 0
  local rank = next_rank(record[BITS], 0)
  while rank and drawn < units and draw.lines <= limits.max_placements_per_reservation do
    local slot = slot_of(sku, locations[rank + 1])
    local take = math.min(units - drawn, net_of(slot) - (draw.taken[slot] or 0))
    if take > 0 and slot.location ~= but_not then
      draw.taken[slot] = (draw.taken[slot] or 0) + take
      places[#places + 1] = { slot, take }
      draw.lines = draw.lines + 1
      drawn = drawn + take
    end
    work = work + 1
    rank = next_rank(record[BITS], rank + 1)
  end
  return places, drawn
end

-- Units of a line stay where they are, on a line of their own: its location is settled. The movements change nothing; they
-- say which lines did.
local function settle(record, reservation, number, units)
  local line = reservation[RESERVATION.lines][number]
  local slot = Lines.slot(line)
  line[LINE.open] = line[LINE.open] - units
  line[LINE.transferred] = line[LINE.transferred] + units
  move(record, KIND.TRANSFER_RESERVATION, number, slot, 0, 0, 0, 0, 0)
  local added = Lines.add(reservation, slot, units, line[LINE.ordered_sku], SOURCED.TRANSFERRED, 0, 0, 0)
  move(record, KIND.TRANSFER_RESERVATION, added, slot, 0, 0, 0, 0, 0)
end

-- Reserves units of a line at other places instead; the places were checked.
function Lines.move(record, reservation, number, units, places)
  local line = reservation[RESERVATION.lines][number]
  if places[1] and places[1][1] == Lines.slot(line) and line[LINE.backordered] == 0 then
    settle(record, reservation, number, units)
    return
  end
  free_units(record, KIND.TRANSFER_RESERVATION, reservation, number, units, LINE.transferred)
  for _, place in ipairs(places) do
    local slot, quantity = place[1], place[2]
    local added = Lines.add(reservation, slot, quantity, line[LINE.ordered_sku], SOURCED.TRANSFERRED, 0, 0, 0)
    Lines.book(record, KIND.TRANSFER_RESERVATION, reservation, added, slot, quantity)
  end
end

function Lines.sum(places)
  local units = 0
  for _, place in ipairs(places) do
    units = units + place[2]
  end
  return units
end

-- Returns where units of a line go to; or nil and a refusal.
function Lines.places(draw, line, quantity, location, pool_id)
  local sku = line[LINE.sku]
  if location ~= '' then
    local refusal = Stock.place_refusal(location)
    if refusal then
      return nil, refusal
    end
    local slot = slot_of(sku, location)
    if location == line[LINE.location] and line[LINE.backordered] == 0 then
      -- They stay where they are, because somebody says so: nothing is drawn.
      draw.lines = draw.lines + 1
      return { { slot, quantity } }, Lines.draw_refusal(draw)
    end
    local left = net_of(slot) - (draw.taken[slot] or 0)
    if left < quantity then
      return nil, refuse('INSUFFICIENT_STOCK', { { sku, location, quantity, math.max(0, left) } }, {})
    end
    draw.taken[slot] = (draw.taken[slot] or 0) + quantity
    draw.lines = draw.lines + 1
    return { { slot, quantity } }, Lines.draw_refusal(draw)
  end
  if not pool_of(pool_id) then
    return nil, refuse('UNKNOWN_POOL', pool_id)
  end
  local places, drawn = Lines.draw(draw, pool_id, sku, quantity, line[LINE.location])
  local refusal = Lines.draw_refusal(draw)
  if refusal then
    return nil, refusal
  end
  if drawn < quantity then
    return nil, refuse('INSUFFICIENT_STOCK', { { sku, '', quantity, drawn } }, {})
  end
  return places
end

end)
