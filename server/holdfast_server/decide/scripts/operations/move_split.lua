-- move_split.lua
--
-- Purpose   Moves a demand that lies in several segments on. Whatever is to become of its parts is decided here first, and
--           done to them after: so all of them come to the same end, whoever dies in between.
-- Command   { split_id, phase, time_us }; that is the time to live when it becomes HELD, or stays it, and when it becomes
--           ABORTED how old a plan must be, so that no part of it can come any more
-- Journal   MOVE_SPLIT: no movements, the plan; extra: the plan, packed.
-- Invariant Of expiry, release and commit exactly one wins. What is asked for becomes HELD or REFERRED under the id of its
--           request, which takes effect once: so of all plans for one request at most one becomes its answer.

-- The phases that may follow each phase.
local NEXT = {
  [PHASE.PLANNED] = { [PHASE.HELD] = true, [PHASE.ABORTING] = true, [PHASE.REFERRED] = true },
  [PHASE.HELD] = { [PHASE.HELD] = true, [PHASE.COMMITTING] = true, [PHASE.RELEASING] = true, [PHASE.EXPIRING] = true },
  [PHASE.COMMITTING] = { [PHASE.COMMITTED] = true },
  [PHASE.RELEASING] = { [PHASE.RELEASED] = true },
  [PHASE.EXPIRING] = { [PHASE.EXPIRED] = true },
  [PHASE.ABORTING] = { [PHASE.ABORTED] = true },
}

operation.move_split = function(arguments, command)
  local id, phase, time_us = unpack(arguments)
  local split, result = Documents.find(PAPER.SPLIT, id, command)
  if not split then
    return result
  end
  local now_in = split[DOCUMENT.resolution]
  if not NEXT[now_in][phase] then
    return refuse('SPLIT_MOVED', now_in)
  end
  if now_in == PHASE.HELD then
    -- What is due can only expire, and nothing else can.
    local is_due = split[DOCUMENT.expected_us] <= now_us
    if is_due ~= (phase == PHASE.EXPIRING) then
      return refuse('SPLIT_MOVED', is_due and PHASE.EXPIRING or PHASE.HELD)
    end
  end
  if phase == PHASE.ABORTED and now_us < split[DOCUMENT.create_us] + time_us then
    return refuse('SPLIT_MOVED', now_in)
  end

  -- Everything is checked. From here on the move must succeed.
  local record = begin(KIND.MOVE_SPLIT, command)
  if phase == PHASE.HELD then
    split[DOCUMENT.expected_us] = math.max(split[DOCUMENT.expected_us], now_us + time_us)
  end
  split[DOCUMENT.resolution] = phase
  if phase >= PHASE.COMMITTED then
    split[DOCUMENT.state] = PAPER_STATE.SPLIT.CLOSED
  end
  record[RECORD.extra] = Documents.keep(split, record)
  return finish(record, command)
end
