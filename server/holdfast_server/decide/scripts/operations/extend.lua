-- extend.lua
--
-- Purpose   Gives a hold more time; never shortens it.
-- Command   { reservation_id, ttl_us }
-- Journal   EXTEND: no movements, the reservation with its new time.

operation.extend = function(arguments, command)
  local id, ttl_us = unpack(arguments)
  local reservation = live_reservation(id)
  if not reservation then
    return refuse('NOT_LIVE')
  end
  if reservation[RESERVATION.state] == STATE.COMMITTED then
    return refuse('ALREADY_COMMITTED', reservation[RESERVATION.update_us])
  end

  -- Everything is checked. From here on the extension must succeed.
  local record = begin(KIND.EXTEND, command)
  local expire_us = math.max(reservation[RESERVATION.expire_us], now_us + ttl_us)
  reservation[RESERVATION.expire_us] = expire_us
  set_due(id, expire_us)
  record[RECORD.reservation] = keep_reservation(reservation, record[RECORD.position])
  return finish(record, command)
end
