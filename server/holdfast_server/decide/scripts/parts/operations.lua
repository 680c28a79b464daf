-- operations.lua: the frame of every operation: once-check, backlog, the next position, the journal's record of it.

-- operation[name](command) checks the command and returns a refusal, or makes it take effect and returns its record.
local operation = {}

local COMMAND_NAME, REQUEST_ID, REQUEST, ARGUMENTS = 1, 2, 6, 7

-- Begins the record of an operation that will take effect. After this call it must not be refused.
local function begin(kind, command)
  head.position = head.position + 1
  local record = {
    position = head.position, kind = kind, command = command, movements = {}, reservation = '', catalog = {}, extra = '',
  }
  return record
end

-- Books one movement: changes the level, and writes down the change and the balance after it.
local function move(record, kind, line, sku, location, sellable, quality_hold, damaged, held, committed)
  local sums = sums_before(sku, location)
  local level = level_for_change(sku, location)
  local before = net_of(level)
  level[LEVEL.version] = level[LEVEL.version] + 1
  level[LEVEL.sellable] = level[LEVEL.sellable] + sellable
  level[LEVEL.quality_hold] = level[LEVEL.quality_hold] + quality_hold
  level[LEVEL.damaged] = level[LEVEL.damaged] + damaged
  level[LEVEL.held] = level[LEVEL.held] + held
  level[LEVEL.committed] = level[LEVEL.committed] + committed
  local after = net_of(level)
  if after ~= before then
    keep_sums(sums, sku, location, before, after)
  end
  record.movements[#record.movements + 1] = {
    kind, line, sku, location, sellable, quality_hold, damaged, held, committed,
    level[LEVEL.version], level[LEVEL.sellable], level[LEVEL.quality_hold], level[LEVEL.damaged],
    level[LEVEL.held], level[LEVEL.committed],
  }
  work = work + 1
end

-- Ends the record of an operation, puts it into the journal's entry and returns the answer to its command.
local function finish(record)
  local command = record.command
  local request = ''
  if command then
    request = command[REQUEST]
    remember_outcome(command, record.position, record.reservation, record.extra)
  end
  operations[#operations + 1] = {
    record.position, record.kind, request, record.reservation, record.movements, record.catalog, record.extra,
  }
  return { 'DONE', record.position, record.reservation, record.extra }
end

-- Decides one command: a question is answered; a request takes effect at most once. What comes when the tick has done
-- its share of work is left for the next one.
local function decide_once(command)
  local decide = operation[command[COMMAND_NAME]]
  if command[REQUEST_ID] == '' then
    return decide(command[ARGUMENTS])
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
  return decide(command[ARGUMENTS], command)
end
