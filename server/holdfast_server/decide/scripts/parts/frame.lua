-- frame.lua: what every part of the tick stands on: the keys, the head, the clock, and the checks that close it.

-- The numbers of the keys, in the order of SegmentKeys.for_tick() of decide/keys.py. There are four of outcomes.
local KEY = {
  open = 1, head = 2, journal = 3, levels = 4, reservations = 5, due = 6, items = 7, locations = 8, pools = 9,
  channels = 10, sums = 11, stocked = 12, rules = 13, holders = 14, supply = 15, places = 16, documents = 17,
  recalled = 18, waiting = 19, outcomes = 20,
}

local segment = string.match(KEYS[KEY.open], '{(.-)}')
local epoch = tonumber(ARGV[1])
local known_committed = tonumber(ARGV[2])
local limits = cmsgpack.unpack(ARGV[4])
local commands = cmsgpack.unpack(ARGV[5])

-- A command of the tick, as decide/commands.py packs it.
local COMMAND = {
  name = 1, request_id = 2, id_time = 3, fingerprint = 4, looked_up_at = 5, request = 6, arguments = 7, recalled = 8,
}

-- The record of an operation, in the order of layouts.py OPERATION.
local RECORD = { position = 1, reservation = 4, movements = 5, catalog = 6, extra = 7, documents = 8 }
local NOTHING = {}

-- Redis takes at most some thousand arguments from Lua in one call.
local CHUNK = 2000

-- The head: the numbers of the segment as a whole, and the hash of the chain. All but the first are integers. HEAD_COUNTS
-- names those that only this script reads: they are packed into one field, in its order, for a field costs more to look up
-- and to write than a number in it.
local head = {}
local now_us, first_position

local operations = {}

-- What the tick has done so far: movements, and the sums that they touched.
local work = 0

-- A part that many ticks do not need is made when the first of its functions is asked for: making a function costs about
-- half a microsecond, in every tick anew.
local function made_when_used(make)
  return setmetatable({}, {
    __index = function(part, name)
      setmetatable(part, nil)
      make(part)
      return part[name]
    end,
  })
end

local function is_used(part)
  return getmetatable(part) == nil
end

-- Lua numbers are doubles and `..` prints 14 digits of them, so every number is written through this.
local function digits(number)
  return string.format('%.0f', number)
end

-- Reads the head. Returns false if something of it is missing or is no number; of another format only the format is read.
local function read_head()
  local hash, format, position, committed, clock_us, packed = unpack(
    redis.call('HMGET', KEYS[KEY.head], 'hash', 'format', 'position', 'committed', 'clock_us', 'counts')
  )
  head.hash, head.format = hash, tonumber(format or '')
  if head.format ~= SCRIPT_FORMAT then
    return head.format ~= nil
  end
  head.position, head.committed, head.clock_us = tonumber(position or ''), tonumber(committed or ''), tonumber(clock_us or '')
  local is_packed, counts = pcall(cmsgpack.unpack, packed or '')
  if not (hash and head.position and head.committed and head.clock_us and is_packed and type(counts) == 'table') then
    return false
  end
  for index = 1, #HEAD_COUNTS do
    local count = counts[index]
    if type(count) ~= 'number' then
      return false
    end
    head[HEAD_COUNTS[index]] = count
  end
  return true
end

-- The segment's clock is this server's, but never goes back: not when the server's does, and not when another
-- server takes over.
local function read_clock()
  local time_us
  if ARGV[3] ~= '' then
    time_us = tonumber(ARGV[3])
  else
    local time = redis.call('TIME')
    time_us = tonumber(time[1]) * 1000000 + tonumber(time[2])
  end
  return math.max(head.clock_us, time_us)
end

-- Returns the name of a number in the head that a key does not have as its length, or nil. Keys that must be empty are
-- asked for together: most segments have some, and a call costs as much as many statements do.
local function wrong_length()
  local lengths = {
    'levels', KEY.levels, false,
    'reservations', KEY.reservations, false,
    'due', KEY.due, true,
    'waiting', KEY.waiting, true,
    'rules', KEY.rules, false,
    'holders', KEY.holders, false,
    'supply', KEY.supply, false,
    'supply', KEY.places, true,
    'documents', KEY.documents, false,
    'recalled', KEY.recalled, false,
    'items', KEY.items, false,
    'locations', KEY.locations, false,
    'pools', KEY.pools, false,
    'channels', KEY.channels, false,
    'outcomes_0', KEY.outcomes, false,
    'outcomes_1', KEY.outcomes + 1, false,
    'outcomes_2', KEY.outcomes + 2, false,
    'outcomes_3', KEY.outcomes + 3, false,
  }
  local empty, names = {}, {}
  for index = 1, #lengths, 3 do
    local name, key, is_sorted = lengths[index], KEYS[lengths[index + 1]], lengths[index + 2]
    if head[name] == 0 then
      empty[#empty + 1], names[#names + 1] = key, name
    elseif head[name] ~= (is_sorted and redis.call('ZCARD', key) or redis.call('HLEN', key)) then
      return name
    end
  end
  if #empty > 0 and redis.call('EXISTS', unpack(empty)) > 0 then
    for index, key in ipairs(empty) do
      if redis.call('EXISTS', key) > 0 then
        return names[index]
      end
    end
  end
  return nil
end

-- Returns why nothing may be decided, or nil. A missing or shortened key fails closed: that it is missing is never
-- taken to mean that there is nothing.
local function why_closed()
  local open = redis.call('GET', KEYS[KEY.open])
  if not open then
    return 'NOT_LOADED', ''
  end
  if tonumber(open) ~= epoch then
    return 'OTHER_EPOCH', open
  end
  if not read_head() then
    return 'DAMAGED', 'head'
  end
  if head.format ~= SCRIPT_FORMAT then
    return 'OTHER_FORMAT', digits(head.format)
  end
  if head.position < known_committed then
    return 'FELL_BACK', digits(head.position)
  end
  local wrong = wrong_length()
  if wrong then
    return 'DAMAGED', wrong
  end
  head.committed = math.max(head.committed, known_committed)
  now_us = read_clock()
  first_position = head.position + 1
  return nil
end

local function write_head()
  local counts = {}
  for index = 1, #HEAD_COUNTS do
    counts[index] = head[HEAD_COUNTS[index]]
  end
  redis.call('HSET', KEYS[KEY.head], 'hash', head.hash, 'position', digits(head.position),
    'committed', digits(head.committed), 'clock_us', digits(now_us), 'counts', cmsgpack.pack(counts))
end

-- Sets many fields of a hash; `pairs_of` is a flat list of fields and values.
local function set_fields(key, pairs_of)
  for from = 1, #pairs_of, CHUNK do
    redis.call('HSET', key, unpack(pairs_of, from, math.min(from + CHUNK - 1, #pairs_of)))
  end
end

-- Deletes many fields of a hash or members of a sorted set.
local function remove_fields(verb, key, fields)
  for from = 1, #fields, CHUNK do
    redis.call(verb, key, unpack(fields, from, math.min(from + CHUNK - 1, #fields)))
  end
end

-- Writes what changed in a hash: packed records set, and fields that are false removed.
local function write_changes(key, changes)
  local set, removed = {}, {}
  for field, packed in pairs(changes) do
    if packed then
      set[#set + 1] = field
      set[#set + 1] = packed
    else
      removed[#removed + 1] = field
    end
  end
  set_fields(key, set)
  remove_fields('HDEL', key, removed)
end

local function keys_of(set)
  local keys = {}
  for key in pairs(set) do
    keys[#keys + 1] = key
  end
  return keys
end

-- Adds members with their scores to a sorted set. A number that is an argument of its own is written by Redis itself, with
-- all its digits and for much less than `digits` costs; it may be as 1e+15, which a score may and a field may not.
local function add_members(key, scores)
  local added = {}
  for member, score in pairs(scores) do
    added[#added + 1] = score == true and 0 or score
    added[#added + 1] = member
  end
  for from = 1, #added, CHUNK do
    redis.call('ZADD', key, unpack(added, from, math.min(from + CHUNK - 1, #added)))
  end
end

local function refuse(reason, ...)
  return { 'REFUSED', reason, ... }
end
