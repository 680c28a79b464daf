-- commit.lua
--
-- Purpose   Turns a hold into a reservation without a time limit.
-- Command   { reservation_id }
-- Journal   COMMIT: a movement per open line from held to committed, the reservation.
-- Invariant Of expiry and commit exactly one wins.

operation.commit = function(arguments, command)
  local reservation = live_reservation(arguments[1])
  if not reservation then
    return refuse('NOT_LIVE')
  end
  if reservation[RESERVATION.state] == STATE.COMMITTED then
    return refuse('ALREADY_COMMITTED', reservation[RESERVATION.update_us])
  end

  -- Everything is checked. From here on the commit must succeed.
  local record = begin(KIND.COMMIT, command)
  for number, line in ipairs(reservation[RESERVATION.lines]) do
    local open = line[LINE.open]
    if open > 0 then
      move(record, KIND.COMMIT, number, slot_of(line[LINE.sku], line[LINE.location]), 0, 0, 0, -open, open)
    end
  end
  reservation[RESERVATION.state] = STATE.COMMITTED
  reservation[RESERVATION.expire_us] = 0
  head.holds = head.holds - 1
  set_due(arguments[1], nil)
  record[RESERVATION_OF] = keep_reservation(reservation, record[POSITION])
  return finish(record, command)
end
