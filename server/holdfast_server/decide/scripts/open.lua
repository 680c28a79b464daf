-- open.lua
--
-- Purpose   Opens an epoch that a rebuild has loaded.
-- KEYS      1 open epoch  2 the head of the epoch to open
-- ARGV      1 the epoch to open
-- Returns   1 if it is open now, 0 if a higher epoch is open (then nothing was changed)
-- Invariant An epoch is never opened over a higher one.

local open = tonumber(redis.call('GET', KEYS[1]) or '0')
if open > tonumber(ARGV[1]) or redis.call('EXISTS', KEYS[2]) == 0 then
  return 0
end
redis.call('SET', KEYS[1], ARGV[1])
return 1
