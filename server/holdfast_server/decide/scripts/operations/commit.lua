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
    if line[LINE.open] > 0 then
      local covered = line[LINE.open] - line[LINE.backordered]
      move(record, KIND.COMMIT, number, Lines.slot(line), 0, 0, 0, -covered, covered)
    end
  end
  end_hold(reservation)
  reservation[RESERVATION.state] = STATE.COMMITTED
  reservation[RESERVATION.expire_us] = 0
  record[RECORD.reservation] = keep_reservation(reservation, record[RECORD.position])
  return finish(record, command)
end
