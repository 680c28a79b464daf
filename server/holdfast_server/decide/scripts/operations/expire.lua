-- expire.lua
--
-- Purpose   Gives back the units of a hold whose time is over. Nobody requests it: every tick first expires what is due,
--           bounded, and a command on a hold that is due expires it there and then. A refusal because of the time
--           thus always rests on an expiry in the journal, and is true for ever.
-- Journal   EXPIRE: a movement per open line, the reservation in its end.
-- Invariant A hold that is due can no longer be committed.

local function expire(reservation)
  local record = begin(KIND.EXPIRE, nil)
  for number, line in ipairs(reservation[RESERVATION.lines]) do
    local open = line[LINE.open]
    if open > 0 then
      move(record, KIND.EXPIRE, number, slot_of(line[LINE.sku], line[LINE.location]), 0, 0, 0, -open, 0)
      line[LINE.open], line[LINE.expired] = 0, open
    end
  end
  reservation[RESERVATION.state] = STATE.EXPIRED
  head.holds = head.holds - 1
  set_due(reservation[RESERVATION.reservation_id], nil)
  record[RESERVATION_OF] = keep_reservation(reservation, record[POSITION])
  finish(record)
end

-- Returns the live reservation of this id, or nil. One that is due is expired on the way and no longer live.
local function live_reservation(id)
  local reservation = reservation_of(id)
  if reservation and is_due(reservation) then
    expire(reservation)
    return nil
  end
  return reservation
end

-- Returns whether there may be more that is due.
local function expire_what_is_due()
  if head.position - head.committed >= limits.max_uncommitted_operations then
    return false
  end
  local ids = redis.call('ZRANGEBYSCORE', DUE, '-inf', digits(now_us), 'LIMIT', 0, limits.max_expiries_per_tick)
  for _, id in ipairs(ids) do
    expire(reservation_of(id))
  end
  return #ids == limits.max_expiries_per_tick
end
