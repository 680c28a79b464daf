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
--include parts/catalog.lua

-- A function finds what it uses of the function around it by a search through all that is open there, and there are two
-- hundred functions to make in every tick; what it uses from further out is just handed on. So most are made in here, and
-- find what is above without a search. Lua allows a function 60 names from outside.
local function decide_tick()
--include parts/levels.lua
--include parts/pools.lua
--include parts/supply.lua
--include parts/reservations.lua
--include parts/formula.lua
--include parts/shares.lua
--include parts/outcomes.lua
--include parts/documents.lua
--include parts/operations.lua
--include parts/stock.lua
--include parts/lines.lua
--include parts/due.lua

-- What one operation alone needs is made when a command asks for it: making all functions anew would cost every tick more
-- than most decisions do. Even the function that makes it costs something, so those of most operations are made in groups.
define.reserve = function()
--include parts/sourcing.lua
--include parts/kits.lua
--include parts/alternatives.lua
--include parts/demand.lua
--include parts/told.lua
--include operations/reserve.lua
end
define.check_demand = define.reserve
define.availability = function()
--include operations/availability.lua
end
define_more = {
-- On reservations.
function()
define.commit = function()
--include operations/commit.lua
end
define.extend = function()
--include operations/extend.lua
end
define.release = function()
--include operations/release.lua
end
define.transfer_reservation = function()
--include operations/transfer_reservation.lua
end
define.fulfill = function()
--include operations/fulfill.lua
end
define.return_stock = function()
--include parts/any_reservation.lua
--include operations/return_stock.lua
end
define.inspect_return = function()
--include operations/inspect_return.lua
end
define.resolve_incident = function()
--include operations/resolve_incident.lua
end
define.close_incident = function()
--include operations/close_incident.lua
end
define.note_posting = function()
--include parts/any_reservation.lua
--include operations/note_posting.lua
end
end,
-- On demand over several segments.
function()
define.plan_split = function()
--include operations/plan_split.lua
end
define.move_split = function()
--include operations/move_split.lua
end
end,
-- On stock.
function()
define.receive = function()
--include operations/receive.lua
end
define.adjust = function()
--include operations/adjust.lua
end
define.count = function()
--include operations/count.lua
end
define.move_status = function()
--include operations/move_status.lua
end
define.plan_inbound = function()
--include operations/plan_inbound.lua
end
define.ship_transfer = function()
--include operations/ship_transfer.lua
end
define.receive_transfer = function()
--include operations/receive_transfer.lua
end
define.discard_parked = function()
--include operations/discard_parked.lua
end
end,
-- On the catalog.
function()
define.put_items = function()
--include operations/put_items.lua
end
define.put_locations = function()
--include operations/put_locations.lua
end
define.put_pools = function()
--include operations/put_pools.lua
end
define.put_channels = function()
--include operations/put_channels.lua
end
define.put_rules = function()
--include operations/put_rules.lua
end
define.move_allotment = function()
--include operations/move_allotment.lua
end
end,
}

local closed, detail = why_closed()
if closed then
  return cmsgpack.pack({ 'CLOSED', closed, detail })
end

local more_due = do_what_is_due()
fetch_outcomes(commands)
local results = {}
-- What runs for every reservation counts by numbers: `ipairs` is a call for every step, which costs as much as many
-- statements do.
for index = 1, #commands do
  results[index] = decide_once(commands[index])
end

local changed = #operations > 0
local entry, hash
if changed then
  entry = cmsgpack.pack({
    SCRIPT_FORMAT, epoch, first_position, head.position, now_us, operations, Shares.after(),
  })
  hash = redis.sha1hex(head.hash .. entry)
end

-- Everything is checked. From here on nothing may fail; XADD comes first.

if changed then
  redis.call('XADD', KEYS[KEY.journal], string.format('%.0f-0', head.position), 'h', hash, 'e', entry)
  head.hash = hash
  write_levels()
  write_reservations()
  if is_used(Documents) then
    Documents.write()
  end
  if is_used(Supply) then
    Supply.write()
  end
  write_outcomes()
  write_catalog()
end
write_due()
write_sums()
write_head()
return cmsgpack.pack({ 'DECIDED', head.position, head.hash, now_us, results, changed, more_due })
end
return decide_tick()
