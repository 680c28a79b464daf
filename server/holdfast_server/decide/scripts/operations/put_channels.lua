-- put_channels.lua
--
-- Purpose   Creates channels or replaces those that exist, all or none.
-- Command   { channels }; a channel is { channel, display_name, pool }
-- Journal   PUT_CHANNELS: the channels.

local function without(list, value)
  local rest = {}
  for _, element in ipairs(list) do
    if element ~= value then
      rest[#rest + 1] = element
    end
  end
  return rest
end

operation.put_channels = function(arguments, command)
  local added = {}
  for _, channel in ipairs(arguments[1]) do
    local id, _, pool_id = unpack(channel)
    local pool = pool_of(pool_id)
    if not pool then
      return refuse('UNKNOWN_POOL', pool_id)
    end
    if (channel_of(id) or NOTHING)[CHANNEL.pool] ~= pool_id then
      added[pool_id] = (added[pool_id] or 0) + 1
      if #pool[POOL.channels] + added[pool_id] > limits.max_channels_per_pool then
        return refuse('LIMIT_EXCEEDED', 'max_channels_per_pool', limits.max_channels_per_pool)
      end
    end
  end

  -- Everything is checked. From here on the channels are in force.
  local record = begin(KIND.PUT_CHANNELS, command)
  for _, channel in ipairs(arguments[1]) do
    local id, _, pool_id = unpack(channel)
    local known = channel_of(id)
    if not known then
      head.channels = head.channels + 1
    end
    local old_pool = known and known[CHANNEL.pool]
    if old_pool ~= pool_id then
      if known then
        local old = pool_of(old_pool)
        old[POOL.channels] = without(old[POOL.channels], id)
        changed_pools[old_pool] = old
      end
      local new = pool_of(pool_id)
      new[POOL.channels][#new[POOL.channels] + 1] = id
      changed_pools[pool_id] = new
    end
    channel_cache[id] = { pool_id, known and known[CHANNEL.buffer] or 0 }
    changed_channels[id] = channel_cache[id]
  end
  record[RECORD.catalog] = arguments[1]
  return finish(record, command)
end
