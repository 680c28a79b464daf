-- reservations.lua: live reservations as this tick sees them. One that has ended is dropped: Postgres keeps it.

local reservation_cache, changed_reservations = {}, {}
local due_added, due_removed = {}, {}

local LIVE = { [STATE.HELD] = true, [STATE.COMMITTED] = true }

-- Returns the reservation, or nil if there is no live one of this id.
local function reservation_of(id)
  local reservation = reservation_cache[id]
  if reservation == nil then
    local packed = redis.call('HGET', RESERVATIONS, id)
    reservation = packed and cmsgpack.unpack(packed) or false
    reservation_cache[id] = reservation
  end
  return reservation or nil
end

local function is_due(reservation)
  return reservation[RESERVATION.state] == STATE.HELD and reservation[RESERVATION.expire_us] <= now_us
end

-- Sets the time at which a hold expires, or with nil that it no longer does.
local function set_due(id, expire_us)
  due_added[id], due_removed[id] = expire_us, not expire_us or nil
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
  local set, removed = {}, {}
  for id, packed in pairs(changed_reservations) do
    if packed then
      set[#set + 1] = id
      set[#set + 1] = packed
    else
      removed[#removed + 1] = id
    end
  end
  set_fields(RESERVATIONS, set)
  remove_fields('HDEL', RESERVATIONS, removed)
  local added = {}
  for id, expire_us in pairs(due_added) do
    added[#added + 1] = digits(expire_us)
    added[#added + 1] = id
  end
  for from = 1, #added, CHUNK do
    redis.call('ZADD', DUE, unpack(added, from, math.min(from + CHUNK - 1, #added)))
  end
  removed = {}
  for id in pairs(due_removed) do
    removed[#removed + 1] = id
  end
  remove_fields('ZREM', DUE, removed)
end
