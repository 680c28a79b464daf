-- outcomes.lua: Once, in its first tier: what the requests of the last minutes came to.
--
-- Outcomes lie in four generations that rotate; the oldest is dropped as a whole. An outcome's effective time is the
-- later of its own time and the time that its id carries. `floor_us` is the greatest effective time, and
-- `evicted_position` the greatest position, of all that was ever dropped. Hence
--   an id whose own time is above the floor is in here, if it ever took effect;
--   any other id must have been looked up in Postgres, in a state not older than evicted_position.
-- No clock is compared with another for this, so that no skew between clocks can make an id take effect twice.

local fetch_outcomes, settled_before, remember_outcome, write_outcomes
do

-- The ids of the outcomes of this tick, and the greatest of their effective times.
local earlier_outcomes, new_ids, newest_effective_us = {}, {}, 0

-- Reads the outcomes of those ids that a generation can hold.
local function fetch_generation(number, of_commands)
  local ids, newest_us = {}, head['newest_us_' .. number]
  for index = 1, #of_commands do
    local command = of_commands[index]
    local id = command[COMMAND.request_id]
    if id ~= '' and command[COMMAND.id_time] <= newest_us then
      ids[#ids + 1] = id
    end
  end
  for from = 1, #ids, CHUNK do
    local to = math.min(from + CHUNK - 1, #ids)
    local packed = redis.call('HMGET', KEYS[KEY.outcomes + number], unpack(ids, from, to))
    for offset = 1, to - from + 1 do
      if packed[offset] then
        earlier_outcomes[ids[from + offset - 1]] = cmsgpack.unpack(packed[offset])
      end
    end
  end
end

-- Reads the outcomes of all ids of the tick: one call per generation that can hold any of them.
function fetch_outcomes(of_commands)
  for number = 0, 3 do
    if head['outcomes_' .. number] > 0 then
      fetch_generation(number, of_commands)
    end
  end
end

-- Returns a result if this command must not be decided: it took effect before, or that is not known here.
function settled_before(command)
  local id, id_time_us = command[COMMAND.request_id], command[COMMAND.id_time]
  local earlier = earlier_outcomes[id]
  if earlier then
    if earlier[1] ~= command[COMMAND.fingerprint] then
      return { 'REUSED' }
    end
    return { 'REPLAYED', earlier[2], earlier[3], earlier[4] }
  end
  if id_time_us > 0 then
    if now_us - id_time_us > limits.retention_us then
      return refuse('REQUEST_ID_TOO_OLD')
    end
    if id_time_us - now_us > limits.max_ahead_us then
      return refuse('REQUEST_ID_AHEAD')
    end
  end
  if id_time_us <= head.floor_us and command[COMMAND.looked_up_at] < head.evicted_position then
    return { 'LOOK_UP' }
  end
  return nil
end

function remember_outcome(command, position, reservation, extra)
  local id = command[COMMAND.request_id]
  earlier_outcomes[id] = { command[COMMAND.fingerprint], position, reservation, extra }
  new_ids[#new_ids + 1] = id
  newest_effective_us = math.max(newest_effective_us, now_us, command[COMMAND.id_time])
end

function write_outcomes()
  if #new_ids == 0 then
    return
  end
  local number = head.generation
  if now_us - head.generation_start_us >= limits.generation_us
    or head['outcomes_' .. number] >= limits.max_outcomes_per_generation then
    number = (number + 1) % 4
    head.floor_us = math.max(head.floor_us, head['newest_us_' .. number])
    head.evicted_position = math.max(head.evicted_position, head['last_position_' .. number])
    redis.call('UNLINK', KEYS[KEY.outcomes + number])
    head['outcomes_' .. number] = 0
    head['newest_us_' .. number] = 0
    head.generation = number
    head.generation_start_us = now_us
  end
  local fields = {}
  for index = 1, #new_ids do
    local id = new_ids[index]
    fields[2 * index - 1] = id
    fields[2 * index] = cmsgpack.pack(earlier_outcomes[id])
  end
  set_fields(KEYS[KEY.outcomes + number], fields)
  head['outcomes_' .. number] = head['outcomes_' .. number] + #new_ids
  head['newest_us_' .. number] = math.max(head['newest_us_' .. number], newest_effective_us)
  head['last_position_' .. number] = head.position
end

end
