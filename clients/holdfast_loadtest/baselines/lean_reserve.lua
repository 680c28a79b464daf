-- lean_reserve.lua
--
-- Purpose   One reservation of one line, sourced from the pool of a channel, at the least that leaves behind what a
--           rebuildable, watched, idempotent sequencer needs of it: the epoch checked, the request looked for and
--           remembered, the location chosen, the level checked and kept with its version, the pool's sum kept, a chained
--           journal entry with the images after it, the reservation kept and due. A baseline for the load test, which asks
--           the authority for the same; nothing else uses it.
-- KEYS      1 epoch  2 head  3 journal  4 levels  5 reservations  6 due  7 outcomes  8 channels  9 pools  10 sums
-- ARGV      1 the SKU  2 the quantity  3 the reservation and request id
-- Returns   1 if the units were set aside, 0 if there are too few or the request is known
-- Journal   XADD <position>-0, fields h (chain hash), e (packed entry)
-- Invariant No level falls below zero.

if redis.call('GET', KEYS[1]) ~= '1' or redis.call('HEXISTS', KEYS[7], ARGV[3]) == 1 then
  return 0
end
local head = redis.call('HMGET', KEYS[2], 'position', 'hash')
local pool = redis.call('HGET', KEYS[8], 'WEB')
local sum_field = pool .. '|' .. ARGV[1]
local sum = cmsgpack.unpack(redis.call('HGET', KEYS[10], sum_field))
local location = cmsgpack.unpack(redis.call('HGET', KEYS[9], pool))[1]
local field = ARGV[1] .. '|' .. location
local level = cmsgpack.unpack(redis.call('HGET', KEYS[4], field))
local quantity = tonumber(ARGV[2])
if level[2] - level[3] < quantity then
  return 0
end
local time = redis.call('TIME')
local now_us = tonumber(time[1]) * 1000000 + tonumber(time[2])
local position = tonumber(head[1]) + 1
level[1], level[3], sum[1] = level[1] + 1, level[3] + quantity, sum[1] - quantity
local line = { ARGV[1], location, quantity }
local reservation = cmsgpack.pack({ ARGV[3], 1, 1, now_us, now_us + 900000000, position, { line } })
local entry = cmsgpack.pack({ 1, position, now_us, ARGV[3], reservation, { line, level }, { ARGV[1], pool, sum[1] } })
local hash = redis.sha1hex(head[2] .. entry)

redis.call('XADD', KEYS[3], string.format('%.0f-0', position), 'h', hash, 'e', entry)
redis.call('HSET', KEYS[2], 'position', string.format('%.0f', position), 'hash', hash)
redis.call('HSET', KEYS[4], field, cmsgpack.pack(level))
redis.call('HSET', KEYS[10], sum_field, cmsgpack.pack(sum))
redis.call('HSET', KEYS[5], ARGV[3], reservation)
redis.call('ZADD', KEYS[6], string.format('%.0f', now_us + 900000000), ARGV[3])
redis.call('HSET', KEYS[7], ARGV[3], reservation)
return 1
