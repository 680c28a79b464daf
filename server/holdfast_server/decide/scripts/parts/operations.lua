-- operations.lua: the frame of every operation: once-check, backlog, the next position, the journal's record of it.

-- operation[name](arguments, command) checks a command and returns a refusal, or makes it take effect and returns the
-- answer.
local operation = {}

-- The record of an operation, in the order of layouts.py OPERATION.
local POSITION, RESERVATION_OF, MOVEMENTS, CATALOG, EXTRA = 1, 4, 5, 6, 7
local NOTHING = {}

-- Begins the record of an operation that will take effect. After this call it must not be refused.
local function begin(kind, command)
  local position = head.position + 1
  head.position = position
  return { position, kind, command and command[REQUEST] or '', '', {}, NOTHING, '' }
end

-- Books one movement: changes the level of a slot, and writes down the change and the balance after it.
local function move(record, kind, line, slot, sellable, quality_hold, damaged, held, committed)
  prepare_sums(slot)
  local level = level_for_change(slot)
  local before = net_of(level)
  level[LEVEL.version] = level[LEVEL.version] + 1
  level[LEVEL.sellable] = level[LEVEL.sellable] + sellable
  level[LEVEL.quality_hold] = level[LEVEL.quality_hold] + quality_hold
  level[LEVEL.damaged] = level[LEVEL.damaged] + damaged
  level[LEVEL.held] = level[LEVEL.held] + held
  level[LEVEL.committed] = level[LEVEL.committed] + committed
  local after = net_of(level)
  if after ~= before then
    keep_sums(slot, before, after)
  end
  local movements = record[MOVEMENTS]
  movements[#movements + 1] = {
    kind, line, slot.sku, slot.location, sellable, quality_hold, damaged, held, committed,
    level[LEVEL.version], level[LEVEL.sellable], level[LEVEL.quality_hold], level[LEVEL.damaged],
    level[LEVEL.held], level[LEVEL.committed],
  }
  work = work + 1
end

-- Ends the record of an operation, puts it into the journal's entry and returns the answer to its command, if any.
local function finish(record, command)
  operations[#operations + 1] = record
  if not command then
    return nil
  end
  remember_outcome(command, record[POSITION], record[RESERVATION_OF], record[EXTRA])
  return { 'DONE', record[POSITION], record[RESERVATION_OF], record[EXTRA] }
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
