-- lean_reserve.lua
--
-- Purpose   The least that a reserve script can do: check one level, write one journal entry, take the unit, keep the
--           reservation. A baseline for the load test; nothing else uses it.
-- KEYS      1 levels  2 journal  3 reservations
-- ARGV      1 the SKU  2 the quantity  3 the reservation id
-- Returns   1 if the units were set aside, 0 if there are too few
-- Journal   XADD *, fields s (SKU), q (quantity), r (reservation id)
-- Invariant No level falls below zero.

local left = tonumber(redis.call('HGET', KEYS[1], ARGV[1])) - tonumber(ARGV[2])
if left < 0 then
  return 0
end
redis.call('XADD', KEYS[2], '*', 's', ARGV[1], 'q', ARGV[2], 'r', ARGV[3])
redis.call('HSET', KEYS[1], ARGV[1], left)
redis.call('HSET', KEYS[3], ARGV[3], ARGV[1])
return 1
