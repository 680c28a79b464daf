-- told.lua: books demand that a channel has already sold. It is never refused for want of stock: it takes what lies there and
-- is promised to nobody, safety stock included; what is missing waits, and an incident says so.
--
-- The journal gets an operation RESERVE with a movement RESERVE per line that takes units and BACKORDER per line that waits,
-- the reservation, committed, and the incident, if anything is missing; extra: the incident's id, packed.

local Told = made_when_used(function(Told)

-- Splits kits into their parts and sums what is the same: { sku, quantity, location, ordered_sku }.
local function told_parts(lines)
  local parts_of_lines = {}
  for _, line in ipairs(lines) do
    local sku, quantity, location = line[1], line[2], line[3]
    local parts = parts_of(item_of(sku))
    for _, part in ipairs(parts or { { sku, 1 } }) do
      parts_of_lines[#parts_of_lines + 1] = { part[1], quantity * part[2], location, parts and sku or '' }
    end
  end
  return summed(parts_of_lines)
end

-- Returns a refusal if more units would wait at a level than it can have.
local function waiting_refusal(basket)
  local waiting = {}
  for _, placement in ipairs(basket.placements) do
    local slot, waits = placement[1], placement[6]
    waiting[slot] = (waiting[slot] or backordered_of(slot)) + waits
    if waiting[slot] > MAX_LEVEL_QUANTITY then
      return refuse('QUANTITY_OVERFLOW', slot.sku, slot.location)
    end
  end
  return nil
end

-- Adds units of a line, those that are there and those that wait, as one placement.
local function place_told(basket, slot, quantity, ordered_sku, reason, waits)
  Sourcing.note(basket, slot, quantity - waits, waits)
  basket.placements[#basket.placements + 1] = { slot, quantity, ordered_sku, reason, 0, waits }
end

local function free_at(basket, slot)
  return math.max(0, physical_of(slot.level) - Sourcing.taken_at(basket, slot))
end

-- Says whether the pool can have units of a SKU beyond those that are for sale: safety stock, or what lies behind the
-- locations that were compared.
local function may_have_more(basket, sku)
  local item = item_of(sku)
  if item[ITEM.levels] == 0 then
    return false
  end
  return (item[ITEM.safety] or -1) > 0 or (item[ITEM.safety_rules] or 0) > 0
    or next(basket.pool[POOL.safety]) ~= nil or basket.order == ORDER.MOST_STOCK
end

-- Takes units from all locations of the pool: first what is for sale, then safety stock. Returns what is missing.
local function place_told_sourced(basket, sku, quantity, ordered_sku)
  local rest = quantity
  for slot in Sourcing.candidates(basket, sku) do
    local units = math.min(rest, net_of(slot) - Sourcing.taken_at(basket, slot))
    if units > 0 then
      place_told(basket, slot, units, ordered_sku, Sourcing.REASON_OF_ORDER[basket.order], 0)
      rest = rest - units
    end
    if rest == 0 then
      return 0
    end
  end
  if not may_have_more(basket, sku) then
    return rest
  end
  -- What is sold is never refused for a bound: past it nobody looks for safety stock any more, and the rest waits.
  if not Sourcing.look(basket, #basket.pool[POOL.locations]) then
    return rest
  end
  read_levels(sku, basket.pool[POOL.locations])
  for _, location in ipairs(basket.pool[POOL.locations]) do
    local slot = slot_of(sku, location)
    local units = math.min(rest, free_at(basket, slot))
    if units > 0 then
      place_told(basket, slot, units, ordered_sku, SOURCED.POOL_ORDER, 0)
      rest = rest - units
    end
    if rest == 0 then
      return 0
    end
  end
  return rest
end

-- Returns where units wait that a channel has sold and that are not there.
local function where_told_waits(basket, sku)
  local rules = rules_about(item_of(sku))
  local location = rules and rules.backorder and rules.backorder[WAIT.location]
  if not location or not ranks_of(location)[basket.pool_id] then
    location = basket.pool[POOL.locations][1]
  end
  return slot_of(sku, location)
end

-- Returns a refusal if a line has more units than a level can, be it as the parts of kits.
local function size_refusal(basket, parts)
  for _, part in ipairs(parts) do
    if part[2] > MAX_LEVEL_QUANTITY then
      return refuse('QUANTITY_OVERFLOW', part[1], part[3] ~= '' and part[3] or where_told_waits(basket, part[1]).location)
    end
  end
  return nil
end

local function fill_told(basket, lines)
  for _, line in ipairs(lines) do
    local sku, quantity, location, ordered_sku = unpack(line)
    if location ~= '' then
      local slot = slot_of(sku, location)
      local waits = quantity - math.min(quantity, free_at(basket, slot))
      place_told(basket, slot, quantity, ordered_sku, SOURCED.NAMED_LOCATION, waits)
    end
  end
  for _, line in ipairs(lines) do
    local sku, quantity, location, ordered_sku = unpack(line)
    if location == '' then
      local waits = place_told_sourced(basket, sku, quantity, ordered_sku)
      if waits > 0 then
        place_told(basket, where_told_waits(basket, sku), waits, ordered_sku, SOURCED.AWAITED, waits)
      end
    end
  end
end

function Told.book(arguments, command)
  local channel, _, _, _, _, lines, _, _, options = unpack(arguments)
  local basket = Sourcing.new_basket(channel, options)
  if #basket.pool[POOL.locations] == 0 then
    return refuse('LOCATION_NOT_IN_POOL', '')
  end
  local parts = told_parts(lines)
  if #parts > limits.max_placements_per_reservation then
    return refuse('LIMIT_EXCEEDED', 'max_placements_per_reservation', limits.max_placements_per_reservation)
  end
  local refusal = size_refusal(basket, parts)
  if refusal then
    return refusal
  end
  fill_told(basket, parts)
  refusal = waiting_refusal(basket)
  if refusal then
    return refusal
  end
  if #basket.placements > limits.max_placements_per_reservation then
    return refuse('LIMIT_EXCEEDED', 'max_placements_per_reservation', limits.max_placements_per_reservation)
  end

  -- Everything is checked. From here on the demand is booked.
  local record = begin(KIND.RESERVE, command)
  local reservation = new_reservation(arguments, record, STATE.COMMITTED)
  book_basket(record, basket, reservation)
  local missing = {}
  for number, line in ipairs(reservation[RESERVATION.lines]) do
    if line[LINE.backordered] > 0 then
      local units = line[LINE.backordered]
      missing[#missing + 1] = { number, line[LINE.sku], line[LINE.location], units, units }
    end
  end
  record[RECORD.reservation] = keep_reservation(reservation, record[RECORD.position])
  if #missing > 0 then
    local id = Documents.open_incident(record, reservation, INCIDENT.OVERSELL, missing, options.seen_position or 0)
    record[RECORD.extra] = cmsgpack.pack({ incident = id })
  end
  return finish(record, command)
end

end)
