-- operations.lua: the frame of every operation: once-check, backlog, the next position, movements, the journal's record of
-- it, and the units that it brought for those who wait.

-- operation[name](arguments, command) checks a command and returns a refusal, or makes it take effect and returns the
-- answer. define[name]() makes it; if there is no such, one of define_more makes it.
local operation, define, define_more = {}, {}, nil

-- Slots that have movements of the operation under way and backordered units.
local brought = {}
local covers = 0

-- Begins the record of an operation that will take effect. After this call it must not be refused.
local function begin(kind, command)
  local position = head.position + 1
  head.position = position
  return { position, kind, command and command[COMMAND.request] or '', '', {}, NOTHING, '', NOTHING }
end

-- Books the last two counters of a level, which most levels never have.
local function move_rare(level, backordered, in_transit)
  local backordered_after = (level[LEVEL.backordered] or 0) + backordered
  local in_transit_after = (level[LEVEL.in_transit] or 0) + in_transit
  if backordered_after == 0 and in_transit_after == 0 then
    level[LEVEL.in_transit] = nil
    level[LEVEL.backordered] = nil
  else
    level[LEVEL.backordered], level[LEVEL.in_transit] = backordered_after, in_transit_after
  end
end

-- Books one movement: changes the level of a slot, and writes down the change and the balance after it. The changes of
-- backordered units and of those in transit may be left out.
local function move(record, kind, line, slot, sellable, quality_hold, damaged, held, committed, backordered, in_transit)
  local before = net_of(slot)
  local level = level_for_change(slot)
  level[LEVEL.version] = level[LEVEL.version] + 1
  level[LEVEL.sellable] = level[LEVEL.sellable] + sellable
  level[LEVEL.quality_hold] = level[LEVEL.quality_hold] + quality_hold
  level[LEVEL.damaged] = level[LEVEL.damaged] + damaged
  level[LEVEL.held] = level[LEVEL.held] + held
  level[LEVEL.committed] = level[LEVEL.committed] + committed
  local movement = {
    kind, line, slot.sku, slot.location, sellable, quality_hold, damaged, held, committed,
    level[LEVEL.version], level[LEVEL.sellable], level[LEVEL.quality_hold], level[LEVEL.damaged],
    level[LEVEL.held], level[LEVEL.committed],
  }
  backordered, in_transit = backordered or 0, in_transit or 0
  if backordered ~= 0 or in_transit ~= 0 or level[LEVEL.backordered] then
    move_rare(level, backordered, in_transit)
    movement[16], movement[17] = backordered, in_transit
    movement[18], movement[19] = level[LEVEL.backordered] or 0, level[LEVEL.in_transit] or 0
    if movement[18] > 0 then
      brought[#brought + 1] = slot
    end
  end
  local gained = sellable - held - committed - backordered
  if gained ~= 0 then
    keep_sums(slot, before, before + gained)
  end
  local movements = record[RECORD.movements]
  movements[#movements + 1] = movement
  work = work + 1
end

-- Gives units that are there to one line that waits for them: COVER, a movement from backordered to held or committed.
local function cover_line(slot, reservation, number, units)
  local line = reservation[RESERVATION.lines][number]
  local record = begin(KIND.COVER, nil)
  local is_held = reservation[RESERVATION.state] == STATE.HELD
  move(record, KIND.COVER, number, slot, 0, 0, 0, is_held and units or 0, is_held and 0 or units, -units)
  Supply.owe(line[LINE.sku], line[LINE.location], line[LINE.expected_us], -units)
  line[LINE.backordered] = line[LINE.backordered] - units
  if line[LINE.backordered] == 0 then
    end_waiting(reservation, number)
  end
  record[RECORD.reservation] = keep_reservation(reservation, record[RECORD.position])
  operations[#operations + 1] = record
  covers = covers + 1
end

-- Gives the units of a level to those who wait for them there, first come first served. What this tick does not get to
-- is done by the next ones; nobody else can reserve these units meanwhile, since net counts who waits.
local function cover(slot)
  local room = net_of(slot) + backordered_of(slot)
  if room <= 0 then
    return
  end
  for _, place in ipairs(first_waiting(slot, limits.max_covers_per_tick)) do
    if room <= 0 then
      return
    end
    if covers >= limits.max_covers_per_tick then
      break
    end
    local number, id = string.match(place, '|(%d+)|([^|]*)$')
    number = tonumber(number)
    local reservation = reservation_of(id)
    local units = math.min(room, reservation[RESERVATION.lines][number][LINE.backordered])
    if units > 0 then
      cover_line(slot, reservation, number, units)
      room = room - units
    end
  end
  if room > 0 and backordered_of(slot) > 0 then
    set_due_once('!cover|' .. slot.field, now_us)
  end
end

local function cover_what_came()
  if #brought == 0 then
    return
  end
  local slots = brought
  brought = {}
  for _, slot in ipairs(slots) do
    if backordered_of(slot) > 0 then
      cover(slot)
    end
  end
  -- A cover itself brings nothing.
  brought = {}
end

-- Ends the record of an operation, puts it into the journal's entry and returns the answer to its command, if any.
local function finish(record, command)
  operations[#operations + 1] = record
  local answer
  if command then
    remember_outcome(command, record[RECORD.position], record[RECORD.reservation], record[RECORD.extra])
    answer = { 'DONE', record[RECORD.position], record[RECORD.reservation], record[RECORD.extra] }
  end
  cover_what_came()
  return answer
end

local function define_operation(name)
  local group = 1
  while not define[name] do
    define_more[group]()
    group = group + 1
  end
  define[name]()
end

-- Decides one command: a question is answered; a request takes effect at most once. What comes when the tick has done
-- its share of work is left for the next one.
local function decide_once(command)
  local name = command[COMMAND.name]
  local decide = operation[name]
  if not decide then
    define_operation(name)
    decide = operation[name]
  end
  if command[COMMAND.request_id] == '' then
    if work >= limits.max_work_per_tick then
      return { 'LATER' }
    end
    return decide(command[COMMAND.arguments])
  end
  local settled = settled_before(command)
  if settled then
    return settled
  end
  if work >= limits.max_work_per_tick then
    return { 'LATER' }
  end
  if head.position - head.committed >= limits.max_uncommitted_operations then
    return refuse('BACKLOG_FULL')
  end
  return decide(command[COMMAND.arguments], command)
end
