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

-- Returns the levels at which somebody waits, after one, in the order of their names: as many as one step may look at; and
-- whether there are more. Who began to wait in this tick is not in Redis yet.
local function levels_with_waiting(sku, location)
  local after = sku == '' and '' or sku .. '|' .. location .. '}'
  local places = redis.call('ZRANGEBYLEX', KEYS[KEY.waiting], '[' .. after, '+', 'LIMIT', 0, limits.max_covers_per_tick)
  local is_cut = #places == limits.max_covers_per_tick
  local fields = {}
  for _, place in ipairs(places) do
    fields[string.match(place, '^([^|]*|[^|]*)|')] = true
  end
  local last = is_cut and places[#places]
  for field, added in pairs(added_at) do
    if next(added) ~= nil and field .. '|' >= after and (not last or field .. '|' < last) then
      fields[field] = true
    end
  end
  fields = keys_of(fields)
  table.sort(fields, function(one, other)
    return one .. '|' < other .. '|'
  end)
  return fields, is_cut
end

-- Gives units to those who wait at the levels after one. The next step goes on from where this one ends.
function cover_after(sku, location)
  local fields, is_cut = levels_with_waiting(sku, location)
  for _, field in ipairs(fields) do
    cover(slot_of(string.match(field, '^([^|]*)|(.*)$')))
  end
  if is_cut then
    set_due_once('!sweep|' .. fields[#fields], now_us)
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

-- Says whether this tick left work for the next one, which should follow at once.
local function is_due_again()
  for _, time_us in pairs(due_added) do
    if time_us <= now_us then
      return true
    end
  end
  return false
end

-- Returns whether there may be more that is due.
function do_what_is_due()
  if head.position - head.committed >= limits.max_uncommitted_operations then
    return false
  end
  local members = redis.call('ZRANGEBYSCORE', KEYS[KEY.due], '-inf', digits(now_us), 'LIMIT', 0, limits.max_expiries_per_tick)
  for _, member in ipairs(members) do
    do_one(member)
    if work >= limits.max_work_per_tick then
      return true
    end
  end
  brought = {}
  return #members == limits.max_expiries_per_tick or is_due_again()
end

end
