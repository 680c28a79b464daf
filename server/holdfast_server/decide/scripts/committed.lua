-- committed.lua
--
-- Purpose   Tells the sequencer what is durable: makes room in the backlog and trims the journal behind it.
-- KEYS      1 open epoch  2 head  3 journal
-- ARGV      1 the epoch  2 the committed position  3 the first position that must be kept in the journal
-- Returns   1 if it was taken in, 0 if another epoch is open (then nothing was changed)
-- Invariant Nothing is trimmed that is not committed.

if redis.call('GET', KEYS[1]) ~= ARGV[1] or redis.call('EXISTS', KEYS[2]) == 0 then
  return 0
end
local committed = tonumber(ARGV[2])
if committed > tonumber(redis.call('HGET', KEYS[2], 'committed')) then
  redis.call('HSET', KEYS[2], 'committed', string.format('%.0f', committed))
end
redis.call('XTRIM', KEYS[3], 'MINID', '=', string.format('%.0f-0', math.min(tonumber(ARGV[3]), committed)))
return 1
