-- put_rules.lua
--
-- Purpose   Puts rules in force, replaces those with the same key, or removes them, all or none. A rule that touches many
--           SKUs costs no more than one that touches one: sums that it makes worthless are made anew when they are needed.
-- Command   { rules }; a rule is { kind, sku, location, channel, name, removed, values } with values in the order of
--           layouts.py RULE_VALUES
-- Journal   PUT_RULES: the rules, in the order of layouts.py RULE.

-- Has all sums over pools with this location made anew, and tells them its safety stock.
local function set_location_safety(location, units, position)
  local place = location_of(location)
  place[LOCATION.safety] = units
  changed_locations[location] = place
  for pool_id in pairs(place[LOCATION.ranks]) do
    local pool = pool_of(pool_id)
    pool[POOL.version] = position
    pool[POOL.safety][location] = units > 0 and units or nil
    changed_pools[pool_id] = pool
  end
  forget_safety(nil)
end

local function put_safety(sku, location, removed, values, position)
  if sku == '' then
    if location_of(location) then
      set_location_safety(location, removed and 0 or values[1], position)
    end
    return
  end
  if not item_of(sku) then
    return
  end
  local item = item_for_change(sku)
  item[ITEM.version] = position
  if location == '' then
    item[ITEM.safety] = removed and -1 or values[1]
  else
    local field = 'safety|' .. sku .. '|' .. location
    local had = rule_of(field) and 1 or 0
    item[ITEM.safety_rules] = item[ITEM.safety_rules] + (removed and 0 or 1) - had
    keep_rule(field, not removed and values or nil)
  end
  forget_safety(sku)
end

local function put_buffer(channel, sku, removed, values)
  if sku == '' then
    local record = channel_of(channel)
    if record then
      record[CHANNEL.buffer] = removed and 0 or values[1]
      changed_channels[channel] = record
    end
    return
  end
  if not item_of(sku) or (removed and not Shares.find(sku, channel)) then
    return
  end
  Shares.for_change(sku, channel)[SHARE.buffer] = removed and -1 or values[1]
  Shares.drop_if_empty(sku, channel)
end

-- Returns what is used of the allotment, and since when; an allotment that is replaced keeps both.
local function put_allotment(sku, channel, removed, values, position)
  local ends = '!ends|' .. sku .. '|' .. channel
  if removed then
    if item_of(sku) then
      Shares.remove_allotment(sku, channel)
      set_due_once(ends, nil)
    end
    return 0, 0
  end
  local share = Shares.for_change(sku, channel)
  if not Formula.is_in_force(share) then
    share[SHARE.allotted], share[SHARE.used], share[SHARE.start_position] = 1, 0, position
  end
  share[SHARE.guaranteed], share[SHARE.cap], share[SHARE.expire_us] = unpack(values)
  set_due_once(ends, nil)
  if share[SHARE.expire_us] > 0 then
    set_due_once(ends, share[SHARE.expire_us])
  end
  return share[SHARE.used], share[SHARE.start_position]
end

local function put_of_item(sku, name, value)
  if item_of(sku) then
    rules_for_change(sku)[name] = value
  end
end

-- Puts one rule in force. Returns what is used of it, and since when, if it is an allotment.
local function put_rule(rule, position)
  local kind, sku, location, channel, name, removed, values = unpack(rule)
  if kind == RULE.SAFETY_STOCK then
    put_safety(sku, location, removed, values, position)
  elseif kind == RULE.CHANNEL_BUFFER then
    put_buffer(channel, sku, removed, values)
  elseif kind == RULE.ALLOTMENT then
    return put_allotment(sku, channel, removed, values, position)
  elseif kind == RULE.BACKORDER then
    put_of_item(sku, 'backorder', not removed and values or nil)
  elseif kind == RULE.SUBSTITUTION then
    put_of_item(sku, 'substitutes', not removed and values[1] or nil)
  elseif kind == RULE.HOLD_LIMIT then
    keep_rule('hold|' .. name, not removed and values or nil)
  else
    keep_rule('distances|' .. name, not removed and values[1] or nil)
  end
  return 0, 0
end

-- Returns a refusal if a rule names what does not exist, or is about the stock of a kit.
local function rule_refusal(rule)
  local kind, sku, location, channel, _, removed, values = unpack(rule)
  if removed then
    return nil
  end
  local is_of_stock = kind ~= RULE.CHANNEL_BUFFER
  local refusal
  if sku ~= '' then
    refusal = is_of_stock and Stock.sku_refusal(sku) or (not item_of(sku) and refuse('UNKNOWN_SKU', sku)) or nil
  end
  if not refusal and location ~= '' then
    refusal = Stock.place_refusal(location)
  end
  if not refusal and channel ~= '' and not channel_of(channel) then
    refusal = refuse('UNKNOWN_CHANNEL', channel)
  end
  if not refusal and kind == RULE.BACKORDER then
    refusal = Stock.place_refusal(values[1])
  end
  if not refusal and kind == RULE.SUBSTITUTION then
    for _, substitute in ipairs(values[1]) do
      refusal = refusal or Stock.sku_refusal(substitute)
    end
  end
  if not refusal and kind == RULE.DISTANCES then
    for _, pair in ipairs(values[1]) do
      refusal = refusal or Stock.place_refusal(pair[1])
    end
  end
  return refusal
end

-- Returns a refusal if an item would have more rules about channels than it may have: each of them is looked at by every
-- reservation of the item.
local function share_refusal(rules)
  local added = {}
  for _, rule in ipairs(rules) do
    local kind, sku, _, channel, _, removed = unpack(rule)
    local is_share = kind == RULE.ALLOTMENT or (kind == RULE.CHANNEL_BUFFER and sku ~= '')
    if is_share and not removed and not Shares.find(sku, channel) then
      added[sku] = added[sku] or {}
      added[sku][channel] = true
    end
  end
  for sku, channels in pairs(added) do
    local known = rules_about(item_of(sku))
    local count = #keys_of(channels) + #keys_of(known and known.channels or NOTHING)
    if count > limits.max_channel_rules_per_item then
      return refuse('LIMIT_EXCEEDED', 'max_channel_rules_per_item', limits.max_channel_rules_per_item)
    end
  end
  return nil
end

operation.put_rules = function(arguments, command)
  for _, rule in ipairs(arguments[1]) do
    local refusal = rule_refusal(rule)
    if refusal then
      return refusal
    end
  end
  local too_many = share_refusal(arguments[1])
  if too_many then
    return too_many
  end

  -- Everything is checked. From here on the rules are in force.
  local record = begin(KIND.PUT_RULES, command)
  upheavals = upheavals + 1
  local images, touches_safety = {}, false
  for index, rule in ipairs(arguments[1]) do
    local used, start_position = put_rule(rule, record[RECORD.position])
    local kind, sku, location, channel, name, removed, values = unpack(rule)
    touches_safety = touches_safety or kind == RULE.SAFETY_STOCK
    images[index] = { kind, sku, location, channel, name, removed, used, start_position, values }
  end
  record[RECORD.catalog] = images
  local answer = finish(record, command)
  if touches_safety then
    -- Units that are no longer kept back go to those who wait for them.
    cover_after('', '')
  end
  return answer
end
