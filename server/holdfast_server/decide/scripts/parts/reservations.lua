-- reservations.lua: live reservations as this tick sees them, and who holds them. One that has ended is dropped: Postgres
-- keeps it.

local reservation_cache, changed_reservations = {}, {}
local due_added, due_removed = {}, {}
local holder_counts, changed_holders = {}, {}
local waiting_added, waiting_removed = {}, {}
-- Of those added, by level.
local added_at = {}

local LIVE = { [STATE.HELD] = true, [STATE.COMMITTED] = true }
local CUSTOMER, CALLER = '1|', '2|'

-- Returns the reservation, or nil if there is no live one of this id.
local function reservation_of(id)
  local reservation = reservation_cache[id]
  if reservation == nil then
    local packed = redis.call('HGET', KEYS[KEY.reservations], id)
    reservation = packed and cmsgpack.unpack(packed) or false
    reservation_cache[id] = reservation
  end
  return reservation or nil
end

local function is_due(reservation)
  return reservation[RESERVATION.state] == STATE.HELD and reservation[RESERVATION.expire_us] <= now_us
end

-- Sets the time at which something has to be done by itself, or with nil that it no longer has. The caller keeps the
-- number of such things in head.due.
local function set_due(member, time_us)
  due_added[member], due_removed[member] = time_us, not time_us or nil
end

-- Sets such a time for what may be on the list already.
local function set_due_once(member, time_us)
  local is_there = due_added[member] or (not due_removed[member] and redis.call('ZSCORE', KEYS[KEY.due], member))
  if time_us and not is_there then
    head.due = head.due + 1
  elseif is_there and not time_us then
    head.due = head.due - 1
  end
  if time_us or is_there then
    set_due(member, time_us)
  end
end

local function open_holds(holder)
  local count = holder_counts[holder]
  if not count then
    count = tonumber(redis.call('HGET', KEYS[KEY.holders], holder) or 0)
    holder_counts[holder] = count
  end
  return count
end

local function count_holds(holder, change)
  local before = open_holds(holder)
  local after = before + change
  if before == 0 then
    head.holders = head.holders + 1
  elseif after == 0 then
    head.holders = head.holders - 1
  end
  holder_counts[holder] = after
  changed_holders[holder] = true
end

local function count_hold_of(reservation, change)
  count_holds(CALLER .. reservation[RESERVATION.holder], change)
  if reservation[RESERVATION.customer_id] ~= '' then
    count_holds(CUSTOMER .. reservation[RESERVATION.customer_id], change)
  end
end

-- A new hold has a time limit, and its holders one more.
local function begin_hold(reservation)
  head.due = head.due + 1
  set_due(reservation[RESERVATION.reservation_id], reservation[RESERVATION.expire_us])
  count_hold_of(reservation, 1)
end

-- A hold is committed or has ended.
local function end_hold(reservation)
  head.due = head.due - 1
  set_due(reservation[RESERVATION.reservation_id], nil)
  count_hold_of(reservation, -1)
end

-- The place of a backordered line in the queue of its level. Members of one score are sorted by their bytes.
local function place_in_queue(reservation, number)
  local line = reservation[RESERVATION.lines][number]
  return string.format('%s|%s|%016.0f|%05d|%s', line[LINE.sku], line[LINE.location], line[LINE.wait_position], number,
    reservation[RESERVATION.reservation_id])
end

local function added_to(line)
  local field = line[LINE.sku] .. '|' .. line[LINE.location]
  added_at[field] = added_at[field] or {}
  return added_at[field]
end

local function begin_waiting(reservation, number)
  local place = place_in_queue(reservation, number)
  waiting_added[place] = true
  added_to(reservation[RESERVATION.lines][number])[place] = true
  head.waiting = head.waiting + 1
end

local function end_waiting(reservation, number)
  local place = place_in_queue(reservation, number)
  if waiting_added[place] then
    waiting_added[place] = nil
    added_to(reservation[RESERVATION.lines][number])[place] = nil
  else
    waiting_removed[place] = true
  end
  head.waiting = head.waiting - 1
end

-- Returns the first places in the queue of a level: at most `limit`, and those of this tick that surely come next.
local function first_waiting(slot, limit)
  local from, to = '[' .. slot.field .. '|', '(' .. slot.field .. '}'
  local known = redis.call('ZRANGEBYLEX', KEYS[KEY.waiting], from, to, 'LIMIT', 0, limit)
  local last = #known == limit and known[limit]
  local places = {}
  for _, place in ipairs(known) do
    if not waiting_removed[place] then
      places[#places + 1] = place
    end
  end
  for place in pairs(added_at[slot.field] or NOTHING) do
    if not last or place < last then
      places[#places + 1] = place
    end
  end
  table.sort(places)
  return places
end

-- Takes the change of a reservation into the tick and returns it packed, for the journal and for the answer.
local function keep_reservation(reservation, position)
  local id = reservation[RESERVATION.reservation_id]
  reservation[RESERVATION.version] = reservation[RESERVATION.version] + 1
  reservation[RESERVATION.update_us] = now_us
  reservation[RESERVATION.position] = position
  local packed = cmsgpack.pack(reservation)
  if LIVE[reservation[RESERVATION.state]] then
    reservation_cache[id] = reservation
    changed_reservations[id] = packed
  else
    reservation_cache[id] = false
    changed_reservations[id] = false
    head.reservations = head.reservations - 1
  end
  return packed
end

local function write_reservations()
  write_changes(KEYS[KEY.reservations], changed_reservations)
  for holder in pairs(changed_holders) do
    local count = holder_counts[holder]
    changed_holders[holder] = count > 0 and digits(count) or false
  end
  write_changes(KEYS[KEY.holders], changed_holders)
  add_members(KEYS[KEY.waiting], waiting_added)
  remove_fields('ZREM', KEYS[KEY.waiting], keys_of(waiting_removed))
end

-- What has to be done by itself is written even if nothing took effect: that a level has no units for those who wait there
-- is no news for the journal.
local function write_due()
  add_members(KEYS[KEY.due], due_added)
  remove_fields('ZREM', KEYS[KEY.due], keys_of(due_removed))
end
