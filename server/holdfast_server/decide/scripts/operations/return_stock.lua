-- return_stock.lua
--
-- Purpose   Books units that came back from a customer. They are not sellable before they are inspected.
-- Command   { return_id, location, reservation_id, accept_blind, lines }; a line is { line_number, sku, quantity } with
--           line number 0 or an empty SKU
-- Journal   RETURN: a movement per line, the return, and the reservation if a line of it is known; extra: the return, packed.
-- Invariant No more comes back on a line than was fulfilled, unless the return is marked blind.

-- Returns the SKU of a line and how many of its units were sold by the reservation; or nil and a refusal.
local function check_returned(reservation, ask, returned, accept_blind)
  local number, sku, quantity = unpack(ask)
  local returnable = 0
  if number > 0 then
    local line = reservation[RESERVATION.lines][number]
    if not line then
      return nil, refuse('UNKNOWN_LINE', number)
    end
    sku = line[LINE.sku]
    returnable = line[LINE.fulfilled] - line[LINE.returned]
  end
  if quantity > returnable and not accept_blind then
    return nil, refuse('RETURN_EXCEEDS_FULFILLED', sku, number, quantity, returnable)
  end
  local refusal = Stock.sku_refusal(sku) or Stock.change_refusal(returned.slot_of(sku), STATUS.QUALITY_HOLD, returned.add(sku, quantity))
  if refusal then
    return nil, refusal
  end
  return sku, math.min(quantity, returnable)
end

-- What comes back of each SKU to a location.
local function new_returned(location)
  local units = {}
  return {
    slot_of = function(sku)
      return slot_of(sku, location)
    end,
    add = function(sku, quantity)
      units[sku] = (units[sku] or 0) + quantity
      return units[sku]
    end,
  }
end

-- Returns the lines of the return, whether it is blind, and what each line of the reservation gets back; or nil and a
-- refusal.
local function check_return(reservation, location, asked, accept_blind)
  local lines, known, is_blind = {}, {}, false
  local returned = new_returned(location)
  for index, ask in ipairs(asked) do
    local sku, sold = check_returned(reservation, ask, returned, accept_blind)
    if not sku then
      return nil, sold
    end
    lines[index] = { sku, ask[3], ask[3], 0, 0, 0, ask[1] }
    is_blind = is_blind or sold < ask[3]
    if sold > 0 then
      known[ask[1]] = sold
    end
  end
  return lines, nil, known, is_blind
end

-- Counts what came back on the lines of a reservation, which may have ended.
local function keep_returned(record, reservation, known)
  for number, sold in pairs(known) do
    local line = reservation[RESERVATION.lines][number]
    line[LINE.returned] = line[LINE.returned] + sold
  end
  local was_live = LIVE[reservation[RESERVATION.state]]
  if was_live then
    record[RECORD.reservation] = keep_reservation(reservation, record[RECORD.position])
    return
  end
  reservation[RESERVATION.version] = reservation[RESERVATION.version] + 1
  reservation[RESERVATION.update_us] = now_us
  reservation[RESERVATION.position] = record[RECORD.position]
  record[RECORD.reservation] = cmsgpack.pack(reservation)
  Documents.remember(Documents.RESERVATION, reservation[RESERVATION.reservation_id], record[RECORD.reservation])
end

operation.return_stock = function(arguments, command)
  local id, location, reservation_id, accept_blind, asked = unpack(arguments)
  local refusal = Documents.in_the_way(PAPER.RETURN, id, command) or Stock.place_refusal(location)
  if refusal then
    return refusal
  end
  local reservation, result
  if reservation_id ~= '' then
    reservation, result = any_reservation(reservation_id, command)
    if result then
      return result
    end
  end
  local lines, wrong, known, is_blind = check_return(reservation, location, asked, accept_blind)
  if wrong then
    return wrong
  end

  -- Everything is checked. From here on the return must succeed.
  local record = begin(KIND.RETURN, command)
  for _, line in ipairs(lines) do
    move(record, KIND.RETURN, line[PAPER_LINE.RETURN.line_number], slot_of(line[PAPER_LINE.RETURN.sku], location),
      0, line[PAPER_LINE.RETURN.quantity], 0, 0, 0)
  end
  local document = Documents.make(PAPER.RETURN, id, lines)
  document[DOCUMENT.location] = location
  document[DOCUMENT.flag] = is_blind and 1 or 0
  if reservation then
    document[DOCUMENT.reservation_id] = reservation_id
    document[DOCUMENT.order_id] = reservation[RESERVATION.order_id]
    document[DOCUMENT.channel] = reservation[RESERVATION.channel]
    if next(known) ~= nil then
      keep_returned(record, reservation, known)
    end
  end
  record[RECORD.extra] = Documents.keep(document, record)
  return finish(record, command)
end
