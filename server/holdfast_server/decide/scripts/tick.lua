-- tick.lua
--
-- Purpose   Decides the commands of one tick of one segment, in order, in one atomic step. Every command is
--           checked whole against the state that the commands before it left, and either takes effect or is
--           refused. What took effect is written as ONE journal entry, and only then the state is changed.
-- KEYS      SegmentKeys.for_tick() of decide/keys.py, in that order.
-- ARGV      1 the epoch that the caller believes to be open
--           2 the highest position of this epoch that the caller knows to be committed
--           3 the time in microseconds, or "" for the server's own clock (tests give a time)
--           4 the limits, packed: decide/limits.py
--           5 the commands, packed: decide/commands.py
-- Returns   packed { "DECIDED", position, hash, clock_us, results, changed, more_due }: one tagged result per command,
--           each true only once the entry with this position and hash is committed; `changed` says whether this tick
--           wrote it, `more_due` whether holds are due that this tick did not get to. Or packed { "CLOSED", reason, detail }: nothing was decided and nothing written.
-- Journal   XADD <last position>-0, fields h (chain hash) and e (packed entry): decide/layouts.py ENTRY.
-- Invariant XADD is the first write. An entry that cannot be added (out of memory, an id that is not above the top)
--           fails the script before anything has changed. Redis has no rollback, so nothing after the line may fail.

--include parts/frame.lua
--include parts/levels.lua
--include parts/pools.lua
--include parts/reservations.lua
--include parts/outcomes.lua
--include parts/operations.lua
--include operations/reserve.lua
--include operations/expire.lua
--include operations/commit.lua
--include operations/extend.lua
--include operations/release.lua
--include operations/receive.lua
--include operations/adjust.lua
--include operations/put_items.lua
--include operations/put_locations.lua
--include operations/put_pools.lua
--include operations/put_channels.lua
--include operations/availability.lua

local closed, detail = why_closed()
if closed then
  return cmsgpack.pack({ 'CLOSED', closed, detail })
end

local more_due = expire_what_is_due()
fetch_outcomes(commands)
local results = {}
for index, command in ipairs(commands) do
  results[index] = decide_once(command)
end

local changed = #operations > 0
local entry, hash
if changed then
  entry = cmsgpack.pack({
    SCRIPT_FORMAT, epoch, first_position, head.position, now_us, operations, availability_after(),
  })
  hash = redis.sha1hex(head.hash .. entry)
end

-- Everything is checked. From here on nothing may fail; XADD comes first.

if changed then
  redis.call('XADD', JOURNAL, string.format('%.0f-0', head.position), 'h', hash, 'e', entry)
  head.hash = hash
  write_levels()
  write_reservations()
  write_outcomes()
  write_catalog()
end
write_sums()
write_head()
return cmsgpack.pack({ 'DECIDED', head.position, head.hash, now_us, results, changed, more_due })
