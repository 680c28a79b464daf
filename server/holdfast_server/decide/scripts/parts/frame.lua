-- frame.lua: what every part of the tick stands on: the keys, the head, the clock, and the checks that close it.

-- In the order of SegmentKeys.for_tick() of decide/keys.py.
local KEY = {}
for number, name in ipairs({
  'open', 'head', 'journal', 'levels', 'reservations', 'due', 'items', 'locations', 'pools', 'channels', 'sums',
  'stocked', 'rules', 'holders', 'supply', 'places', 'documents', 'recalled', 'waiting',
}) do
  KEY[name] = KEYS[number]
end
KEY.outcomes = { KEYS[20], KEYS[21], KEYS[22], KEYS[23] }

local segment = string.match(KEY.open, '{(.-)}')
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

-- The head: the numbers of the segment as a whole. `hash` is text, all else are integers.
local HEAD_NUMBERS = {
  'format', 'position', 'committed', 'clock_us',
  'levels', 'reservations', 'due', 'items', 'locations', 'pools', 'channels',
  'rules', 'holders', 'supply', 'documents', 'recalled', 'recall_floor', 'waiting',
  'generation', 'generation_start_us', 'floor_us', 'evicted_position',
  'outcomes_0', 'outcomes_1', 'outcomes_2', 'outcomes_3',
  'newest_us_0', 'newest_us_1', 'newest_us_2', 'newest_us_3',
  'last_position_0', 'last_position_1', 'last_position_2', 'last_position_3',
}
local head = {}
-- The head as it was read: only what is new is written, for most of it stays as it is.
local head_before = {}
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

local function read_head()
  local values = redis.call('HMGET', KEY.head, 'hash', unpack(HEAD_NUMBERS))
  if not values[1] then
    return false
  end
  head.hash = values[1]
  for index = 1, #HEAD_NUMBERS do
    local name, value = HEAD_NUMBERS[index], tonumber(values[index + 1])
    if not value then
      return false
    end
    head[name], head_before[name] = value, value
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

-- Returns the name of a number in the head that a key does not have as its length, or nil.
local function wrong_length()
  local lengths = {
    'levels', redis.call('HLEN', KEY.levels),
    'reservations', redis.call('HLEN', KEY.reservations),
    'due', redis.call('ZCARD', KEY.due),
    'waiting', redis.call('ZCARD', KEY.waiting),
    'rules', redis.call('HLEN', KEY.rules),
    'holders', redis.call('HLEN', KEY.holders),
    'supply', redis.call('HLEN', KEY.supply),
    'supply', redis.call('ZCARD', KEY.places),
    'documents', redis.call('HLEN', KEY.documents),
    'recalled', redis.call('HLEN', KEY.recalled),
    'items', redis.call('HLEN', KEY.items),
    'locations', redis.call('HLEN', KEY.locations),
    'pools', redis.call('HLEN', KEY.pools),
    'channels', redis.call('HLEN', KEY.channels),
  }
  for index = 1, #lengths, 2 do
    if head[lengths[index]] ~= lengths[index + 1] then
      return lengths[index]
    end
  end
  for number = 0, 3 do
    local name = 'outcomes_' .. number
    if head[name] ~= redis.call('HLEN', KEY.outcomes[number + 1]) then
      return name
    end
  end
  return nil
end

-- Returns why nothing may be decided, or nil. A missing or shortened key fails closed: that it is missing is never
-- taken to mean that there is nothing.
local function why_closed()
  local open = redis.call('GET', KEY.open)
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
  head.clock_us = now_us
  local fields = { 'hash', head.hash }
  for _, name in ipairs(HEAD_NUMBERS) do
    if head[name] ~= head_before[name] then
      fields[#fields + 1] = name
      fields[#fields + 1] = digits(head[name])
    end
  end
  redis.call('HSET', KEY.head, unpack(fields))
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
