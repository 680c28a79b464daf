-- due.lua: what is done by itself when its time has come. Nobody requests it: every tick first does what is due, bounded.
--
-- Gives back the units of a hold whose time is over (EXPIRE: a movement per open line, the reservation in its end). A
-- command on a hold that is due expires it there and then, so a refusal because of the time always rests on an expiry in
-- the journal, and is true for ever: a hold that is due can no longer be committed. Ends an allotment whose time is over
-- (END_ALLOTMENT: the rule, removed). Gives units that came to those who still wait for them (COVER: operations.lua).

local live_reservation, cover_after, do_what_is_due
do

local function expire(reservation)
  local record = begin(KIND.EXPIRE, nil)
  for number, line in ipairs(reservation[RESERVATION.lines]) do
    if line[LINE.open] > 0 then
      Lines.give_up(record, KIND.EXPIRE, reservation, number, line[LINE.open], LINE.expired)
    end
  end
  end_hold(reservation)
  reservation[RESERVATION.state] = STATE.EXPIRED
  record[RECORD.reservation] = keep_reservation(reservation, record[RECORD.position])
  finish(record)
end

-- Returns the live reservation of this id, or nil. One that is due is expired on the way and no longer live.
function live_reservation(id)
  local reservation = reservation_of(id)
  if reservation and is_due(reservation) then
    expire(reservation)
    return nil
  end
  return reservation
end

local function end_allotment(sku, channel)
  local record = begin(KIND.END_ALLOTMENT, nil)
  Shares.remove_allotment(sku, channel)
  record[RECORD.catalog] = { { RULE.ALLOTMENT, sku, '', channel, '', true, 0, 0, {} } }
  finish(record)
end

-- Gives units to those who wait at the levels after one, in the order of their names: as many as one step may look at. The
-- next step goes on from there.
function cover_after(sku, location)
  local from = sku == '' and '-' or '[' .. sku .. '|' .. location .. '}'
  local places = redis.call('ZRANGEBYLEX', KEY.waiting, from, '+', 'LIMIT', 0, limits.max_covers_per_tick)
  local field
  for _, place in ipairs(places) do
    local of_sku, at = string.match(place, '^([^|]*)|([^|]*)|')
    if of_sku .. '|' .. at ~= field then
      field, sku, location = of_sku .. '|' .. at, of_sku, at
      cover(slot_of(sku, location))
    end
  end
  if #places == limits.max_covers_per_tick then
    set_due_once('!sweep|' .. field, now_us)
  end
  brought = {}
end

local function do_one(member)
  local what, sku, other = string.match(member, '^!(%l+)|([^|]*)|([^|]*)$')
  if not what then
    expire(reservation_of(member))
    return
  end
  set_due_once(member, nil)
  if what == 'ends' then
    end_allotment(sku, other)
  elseif what == 'sweep' then
    cover_after(sku, other)
  else
    cover(slot_of(sku, other))
  end
end

-- Returns whether there may be more that is due.
function do_what_is_due()
  if head.position - head.committed >= limits.max_uncommitted_operations then
    return false
  end
  local members = redis.call('ZRANGEBYSCORE', KEY.due, '-inf', digits(now_us), 'LIMIT', 0, limits.max_expiries_per_tick)
  for _, member in ipairs(members) do
    do_one(member)
  end
  brought = {}
  return #members == limits.max_expiries_per_tick
end

end
