-- formula.lua: what a channel may sell (ATS), promise (ATP) and backorder. The arithmetic of availability is here and in the
-- reference model of the tests, and nowhere else.
--
--   ATS(s,c) = max(0, min(cap - used, pool - G - buffer))
--   pool     = the sum of the positive net quantities over the pool's locations
--   G        = over the pools that overlap with it, itself included: what other channels are guaranteed there and have not
--              used, as far as that pool has it

local Formula = {}
do

function Formula.is_in_force(share)
  return share[SHARE.allotted] == 1 and (share[SHARE.expire_us] == 0 or share[SHARE.expire_us] > now_us)
end

function Formula.units_in(pool_id, sku)
  return sum_of(pool_id, sku).record[SUM]
end

-- Says whether channels have allotments or buffers of a SKU. What most have not need not be asked for.
function Formula.has_shares(sku)
  local rules = rules_about(item_of(sku))
  return rules and rules.channels and true or false
end

-- Returns what other channels are guaranteed of a SKU and have not used, by pool, as far as the pool has it; only pools
-- that overlap. nil if there is nothing of the kind.
function Formula.guaranteed_to_others(sku, channel_id, pool_id)
  local rules = rules_about(item_of(sku))
  if not rules or not rules.channels then
    return nil
  end
  local by_pool
  for other_id, share in pairs(rules.channels) do
    local unused = share[SHARE.guaranteed] - share[SHARE.used]
    if other_id ~= channel_id and unused > 0 and Formula.is_in_force(share) then
      local other_pool = channel_of(other_id)[CHANNEL.pool]
      if other_pool == pool_id or do_overlap(pool_id, other_pool) then
        by_pool = by_pool or {}
        by_pool[other_pool] = (by_pool[other_pool] or 0) + unused
      end
    end
  end
  for other_pool, unused in pairs(by_pool or {}) do
    by_pool[other_pool] = math.min(unused, Formula.units_in(other_pool, sku))
  end
  return by_pool
end

-- Returns what the cap of a channel's allotment leaves of a SKU; huge without a cap.
function Formula.cap_left(channel_id, sku)
  local rules = rules_about(item_of(sku))
  local share = rules and rules.channels and rules.channels[channel_id]
  if share and share[SHARE.cap] >= 0 and Formula.is_in_force(share) then
    return share[SHARE.cap] - share[SHARE.used]
  end
  return math.huge
end

-- Returns what a channel may sell of a SKU that is no kit, if its pool has so many units. `kept` is what is guaranteed to
-- others, where the caller knows it already.
function Formula.limit(channel_id, sku, units, kept)
  local channel = channel_of(channel_id)
  local rules = rules_about(item_of(sku))
  local buffer = channel[CHANNEL.buffer]
  if not rules or not rules.channels then
    return math.max(0, units - buffer)
  end
  local share = rules.channels[channel_id]
  if share and share[SHARE.buffer] >= 0 then
    buffer = share[SHARE.buffer]
  end
  units = units - buffer
  kept = kept or Formula.guaranteed_to_others(sku, channel_id, channel[CHANNEL.pool]) or NOTHING
  for _, unused in pairs(kept) do
    units = units - unused
  end
  return math.max(0, math.min(units, Formula.cap_left(channel_id, sku)))
end

-- Returns as many kits as the scarcest part allows; `units_of` tells the units of a part.
function Formula.kits(parts, units_of)
  local kits = math.huge
  for _, part in ipairs(parts) do
    kits = math.min(kits, math.floor(units_of(part[1]) / part[2]))
  end
  return kits
end

-- ATS of a channel.
function Formula.available_to(channel_id, sku)
  local pool_id = channel_of(channel_id)[CHANNEL.pool]
  local function units_of(of_sku)
    return Formula.limit(channel_id, of_sku, Formula.units_in(pool_id, of_sku))
  end
  local parts = parts_of(item_of(sku))
  return parts and Formula.kits(parts, units_of) or units_of(sku)
end

-- ATS of a location.
function Formula.available_at(location, sku)
  local function units_of(of_sku)
    return math.max(0, net_of(slot_of(of_sku, location)))
  end
  local parts = parts_of(item_of(sku))
  return parts and Formula.kits(parts, units_of) or units_of(sku)
end

-- Returns the slot at which a channel's backorders of a SKU wait, how many more may by the rule, and when they are expected;
-- or nil.
function Formula.backorder(pool_id, sku)
  local rules = rules_about(item_of(sku))
  local rule = rules and rules.backorder
  if not rule or not ranks_of(rule[WAIT.location])[pool_id] then
    return nil
  end
  local cap, expected_us = rule[WAIT.backorder_cap], rule[WAIT.expected_us]
  if now_us < rule[WAIT.release_us] then
    cap, expected_us = rule[WAIT.preorder_cap], rule[WAIT.release_us]
  end
  local slot = slot_of(sku, rule[WAIT.location])
  return slot, math.max(0, cap - backordered_of(slot)), expected_us
end

-- Returns how many units a channel may backorder beyond what it may sell. While there are units where they would wait that
-- it may not sell, none: whoever waits there would get these.
function Formula.backorder_beyond(channel_id, sku, available)
  local slot, room = Formula.backorder(channel_of(channel_id)[CHANNEL.pool], sku)
  if not slot or parts_of(item_of(sku)) or net_of(slot) > available then
    return 0
  end
  return math.max(0, math.min(room, Formula.cap_left(channel_id, sku) - available))
end

-- Returns what can be promised of a level for a day: the least of what there will be on that day and every later one.
-- What is overdue does not count; what waits for a later day takes its units on that day.
local function promise_at(slot, place, day)
  local come, index = 0, 1
  while place.days[index] and place.days[index] <= day do
    come = place.come[index]
    index = index + 1
  end
  return net_of(slot) + place.later + math.min(come, place.least[index] or math.huge)
end

-- Returns the units of a SKU that a pool will have for a day.
local function promise_in(pool_id, sku, day)
  local units = Formula.units_in(pool_id, sku)
  for location, place in pairs(Supply.forecasts(sku)) do
    if ranks_of(location)[pool_id] then
      local slot = slot_of(sku, location)
      units = units + math.max(0, promise_at(slot, place, day)) - math.max(0, net_of(slot))
      work = work + 1
    end
  end
  return units
end

-- Returns what can be promised of a SKU at a location for a day.
local function promise_of(location, sku, day)
  local slot = slot_of(sku, location)
  local place = Supply.forecast_at(sku, location)
  return math.max(0, place and promise_at(slot, place, day) or net_of(slot))
end

-- ATP of a channel, or of a location where no channel is given.
function Formula.promise(channel_id, location, sku, promise_us)
  local day = math.max(Supply.day_of(promise_us), Supply.day_of(now_us))
  local function units_of(of_sku)
    if channel_id ~= '' then
      return Formula.limit(channel_id, of_sku, promise_in(channel_of(channel_id)[CHANNEL.pool], of_sku, day))
    end
    return promise_of(location, of_sku, day)
  end
  local parts = parts_of(item_of(sku))
  return parts and Formula.kits(parts, units_of) or units_of(sku)
end

end
