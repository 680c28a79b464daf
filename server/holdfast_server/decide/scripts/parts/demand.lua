-- demand.lua: what asked and told demand have in common: the sum of its lines, what they may not name, and the booking of
-- a basket as a reservation.

-- Sums lines of the same SKU and location, in the order of their first appearance.
local function summed(lines)
  if #lines == 1 then
    return lines
  end
  local sums, by_field = {}, {}
  for _, line in ipairs(lines) do
    local field = line[1] .. '|' .. line[3] .. '|' .. (line[4] or '')
    local sum = by_field[field]
    if sum then
      sum[2] = sum[2] + line[2]
    else
      sum = { line[1], line[2], line[3], line[4] }
      by_field[field] = sum
      sums[#sums + 1] = sum
    end
  end
  return sums
end

-- Returns a refusal if a line names something that does not exist, is not sold, or is not where the channel sells from.
local function lines_refusal(lines, channel_id, told)
  local pool_id = channel_of(channel_id)[CHANNEL.pool]
  for number = 1, #lines do
    local sku, location = lines[number][1], lines[number][3]
    local item = item_of(sku)
    if not item then
      return refuse('UNKNOWN_SKU', sku)
    end
    if not told and is_inactive(item) then
      return refuse('ITEM_INACTIVE', sku)
    end
    if location ~= '' then
      local place = location_of(location)
      if not place then
        return refuse('UNKNOWN_LOCATION', location)
      end
      if not place[LOCATION.ranks][pool_id] then
        return refuse('LOCATION_NOT_IN_POOL', location)
      end
    end
  end
  return nil
end

-- Returns a refusal if a customer or a caller has as many open holds as it may have.
local function hold_refusal(scope, name)
  local rule = head.rules > 0 and (rule_of('hold|' .. scope .. name) or rule_of('hold|' .. scope))
  if rule and open_holds(scope .. name) >= rule[1] then
    return refuse('HOLD_LIMIT_REACHED', tonumber(string.sub(scope, 1, 1)), name, rule[1])
  end
  return nil
end

-- Books a basket as a new reservation.
local function book_basket(record, basket, reservation)
  for index = 1, #basket.placements do
    local slot, quantity, ordered_sku, reason, expected_us, waits = unpack(basket.placements[index])
    local number = Lines.add(reservation, slot, quantity, ordered_sku, reason, expected_us, waits, record[RECORD.position])
    if quantity > waits then
      Lines.book(record, KIND.RESERVE, reservation, number, slot, quantity - waits)
    end
    if waits > 0 then
      move(record, KIND.BACKORDER, number, slot, 0, 0, 0, 0, 0, waits)
    end
    Shares.use(reservation, slot.sku, quantity)
  end
end

local function new_reservation(arguments, record, state)
  local position, options = record[RECORD.position], arguments[9]
  local expire_us = state == STATE.HELD and now_us + arguments[3] or 0
  head.reservations = head.reservations + 1
  return {
    arguments[7], 0, state, arguments[1], arguments[2], now_us, expire_us, now_us, position, position,
    options.customer_id or '', arguments[8], options.told and 1 or 0, {},
  }
end
