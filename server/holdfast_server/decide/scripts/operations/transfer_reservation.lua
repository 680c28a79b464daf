-- transfer_reservation.lua
--
-- Purpose   Reserves open units elsewhere, all lines or none.
-- Command   { reservation_id, lines }; a line is { line_number, quantity, location, pool }: quantity 0 means all that is
--           open, and one of location and pool is empty
-- Journal   TRANSFER_RESERVATION: a movement per line that gives units away and one per place that they go to, the
--           reservation with new lines for these.

-- Returns what is moved: { line number, units, places } each; or nil and a refusal.
local function moves_of(reservation, lines)
  local moves, draw = {}, Lines.new_draw(reservation)
  for index, ask in ipairs(lines) do
    local number, quantity, location, pool_id = unpack(ask)
    local line = reservation[RESERVATION.lines][number]
    if not line then
      return nil, refuse('UNKNOWN_LINE', number)
    end
    local open = line[LINE.open]
    if open == 0 or quantity > open then
      return nil, refuse('RELEASE_EXCEEDS_OPEN', number, quantity, open)
    end
    local units = quantity == 0 and open or quantity
    local places, refusal = Lines.places(draw, line, units, location, pool_id)
    if refusal then
      return nil, refusal
    end
    moves[index] = { number, units, places }
  end
  return moves
end

operation.transfer_reservation = function(arguments, command)
  local reservation = live_reservation(arguments[1])
  if not reservation then
    return refuse('NOT_LIVE')
  end
  local moves, refusal = moves_of(reservation, arguments[2])
  if refusal then
    return refusal
  end

  -- Everything is checked. From here on the transfer must succeed.
  local record = begin(KIND.TRANSFER_RESERVATION, command)
  for _, one in ipairs(moves) do
    Lines.move(record, reservation, one[1], one[2], one[3])
  end
  record[RECORD.reservation] = keep_reservation(reservation, record[RECORD.position])
  return finish(record, command)
end
