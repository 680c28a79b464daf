-- fulfill.lua
--
-- Purpose   Books what was done with the units of a committed reservation: those that left for the customer, from where
--           they were reserved or from elsewhere, and those that were missing.
-- Command   { reservation_id, lines, source_missing_anew, release_rest, take_reserved }
--           a line is { line_number, quantity, location, missing }; no lines: whatever is there of every line left
-- Journal   FULFILL: per line movements FULFILL, SHORT_PICK and TRANSFER_RESERVATION, and RELEASE of the rest; the
--           reservation; an incident about what is missing and cannot be had elsewhere; extra: its id, packed
-- Invariant Units leave only where there are as many on hand.

local function ready_of(line)
  return line[LINE.open] - line[LINE.backordered]
end

local function everything_ready(reservation)
  local lines = {}
  for number, line in ipairs(reservation[RESERVATION.lines]) do
    if ready_of(line) > 0 then
      lines[#lines + 1] = { number, ready_of(line), '', 0 }
    end
  end
  return lines
end

-- What a request takes out, by slot: all that leaves on hand there, and of it what leaves for lines that are reserved
-- elsewhere.
local function new_tally()
  return { here = {}, free = {} }
end

-- Takes units out of what there is at a slot. Returns a refusal if there are too few.
local function take_out(taken, slot, units, there)
  local left = there - (taken[slot] or 0)
  if left < units then
    return refuse('INSUFFICIENT_STOCK', { { slot.sku, slot.location, units, math.max(0, left) } }, {})
  end
  taken[slot] = (taken[slot] or 0) + units
  return nil
end

-- Returns a refusal if units cannot leave from where they are not reserved.
local function elsewhere_refusal(tally, sku, location, quantity, take_reserved)
  local refusal = Stock.place_refusal(location)
  if refusal then
    return refusal
  end
  local slot = slot_of(sku, location)
  if not take_reserved then
    refusal = take_out(tally.free, slot, quantity, physical_of(slot.level))
  else
    tally.free[slot] = (tally.free[slot] or 0) + quantity
  end
  return refusal or take_out(tally.here, slot, quantity, Stock.on_hand(slot, STATUS.SELLABLE))
end

-- Returns the refusal of one line, or nil; and the line with its quantity filled in.
local function check_line(reservation, ask, tally, take_reserved)
  local number, quantity, location, missing = unpack(ask)
  local line = reservation[RESERVATION.lines][number]
  if not line then
    return refuse('UNKNOWN_LINE', number)
  end
  local ready = ready_of(line)
  if quantity == 0 and missing == 0 then
    quantity = ready
  end
  if quantity + missing > ready or quantity + missing == 0 then
    return refuse('FULFILLMENT_EXCEEDS_OPEN', number, quantity + missing, ready)
  end
  local is_elsewhere = location ~= '' and location ~= line[LINE.location]
  local refusal = is_elsewhere and elsewhere_refusal(tally, line[LINE.sku], location, quantity, take_reserved)
  local own = Lines.slot(line)
  local here = missing + (is_elsewhere and 0 or quantity)
  refusal = refusal or take_out(tally.here, own, here, Stock.on_hand(own, STATUS.SELLABLE))
  return refusal, { number, quantity, is_elsewhere and location or '', missing }
end

-- Returns what is done with each line, with the places where missing units are reserved instead; or nil and a refusal.
local function check_fulfillment(reservation, asked, source_anew, take_reserved)
  local lines, tally = {}, new_tally()
  for index, ask in ipairs(asked) do
    local refusal, line = check_line(reservation, ask, tally, take_reserved)
    if refusal then
      return nil, refusal
    end
    lines[index] = line
  end
  -- What this request ships from elsewhere is not there any more for the units that are missing; nor is what one line
  -- will wait for, free for another.
  local draw = Lines.new_draw(reservation)
  draw.taken = tally.free
  local pool_id = channel_of(reservation[RESERVATION.channel])[CHANNEL.pool]
  for _, one in ipairs(lines) do
    local line, missing = reservation[RESERVATION.lines][one[1]], one[4]
    one[5] = {}
    if source_anew and missing > 0 then
      local own = Lines.slot(line)
      local places, drawn = Lines.draw(draw, pool_id, line[LINE.sku], missing, line[LINE.location])
      draw.taken[own] = (draw.taken[own] or 0) + missing - drawn
      one[5] = places
    end
  end
  return lines, Lines.draw_refusal(draw)
end

local function book_shipped(record, line, number, quantity, location)
  if location == '' then
    move(record, KIND.FULFILL, number, Lines.slot(line), -quantity, 0, 0, 0, -quantity)
  else
    move(record, KIND.FULFILL, number, slot_of(line[LINE.sku], location), -quantity, 0, 0, 0, 0)
    move(record, KIND.FULFILL, number, Lines.slot(line), 0, 0, 0, 0, -quantity)
  end
  line[LINE.open] = line[LINE.open] - quantity
  line[LINE.fulfilled] = line[LINE.fulfilled] + quantity
end

-- Books units that could not be found, and reserves others at the places that were found. Returns what waits.
local function book_missing(record, reservation, number, missing, places)
  local line = reservation[RESERVATION.lines][number]
  local elsewhere = Lines.sum(places)
  local waits = missing - elsewhere
  move(record, KIND.SHORT_PICK, number, Lines.slot(line), -missing, 0, 0, 0, -missing, waits)
  line[LINE.open] = line[LINE.open] - elsewhere
  line[LINE.transferred] = line[LINE.transferred] + elsewhere
  for _, place in ipairs(places) do
    local added = Lines.add(reservation, place[1], place[2], line[LINE.ordered_sku], SOURCED.TRANSFERRED, 0, 0, 0)
    Lines.book(record, KIND.TRANSFER_RESERVATION, reservation, added, place[1], place[2])
  end
  if waits > 0 then
    Lines.let_wait(reservation, number, waits, record[RECORD.position])
  end
  return waits
end

local function book_fulfillment(record, reservation, lines)
  local missing_lines = {}
  for _, one in ipairs(lines) do
    local number, quantity, location, missing, places = unpack(one)
    local line = reservation[RESERVATION.lines][number]
    if quantity > 0 then
      book_shipped(record, line, number, quantity, location)
    end
    if missing > 0 then
      local waits = book_missing(record, reservation, number, missing, places)
      if waits > 0 then
        missing_lines[#missing_lines + 1] = { number, line[LINE.sku], line[LINE.location], waits, waits }
      end
    end
  end
  return missing_lines
end

operation.fulfill = function(arguments, command)
  local id, asked, source_anew, release_rest, take_reserved = unpack(arguments)
  local reservation = live_reservation(id)
  if not reservation then
    return refuse('NOT_LIVE')
  end
  if reservation[RESERVATION.state] ~= STATE.COMMITTED then
    return refuse('NOT_COMMITTED', reservation[RESERVATION.state])
  end
  if #asked == 0 then
    asked = everything_ready(reservation)
    if #asked == 0 and not release_rest then
      return refuse('FULFILLMENT_EXCEEDS_OPEN', 1, 0, 0)
    end
  end
  local lines, refusal = check_fulfillment(reservation, asked, source_anew, take_reserved)
  if refusal then
    return refusal
  end

  -- Everything is checked. From here on the fulfillment must succeed.
  local record = begin(KIND.FULFILL, command)
  local missing_lines = book_fulfillment(record, reservation, lines)
  if release_rest then
    for number, line in ipairs(reservation[RESERVATION.lines]) do
      if line[LINE.open] > 0 then
        Lines.give_up(record, KIND.RELEASE, reservation, number, line[LINE.open], LINE.released)
      end
    end
  end
  Lines.end_if_resolved(reservation)
  record[RECORD.reservation] = keep_reservation(reservation, record[RECORD.position])
  if #missing_lines > 0 then
    record[RECORD.extra] = cmsgpack.pack(Documents.open_incident(record, reservation, INCIDENT.SHORT_PICK, missing_lines, 0))
  end
  return finish(record, command)
end
