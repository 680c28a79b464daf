-- ship_transfer.lua
--
-- Purpose   Books units that left a location for another: they are in transit until they arrive or are lost.
-- Command   { transfer_id, from, to, expected_us, lines }; a line is { sku, quantity }
-- Journal   SHIP_TRANSFER: two movements per line, the transfer; extra: the transfer, packed.
-- Invariant Units that are reserved do not leave.

local function shipment_refusal(from, to, lines)
  local refusal = Stock.place_refusal(from) or Stock.place_refusal(to)
  for _, line in ipairs(lines) do
    refusal = refusal or Stock.sku_refusal(line[1])
  end
  if refusal then
    return refusal
  end
  local short = {}
  for _, line in ipairs(lines) do
    local there = physical_of(slot_of(line[1], from).level)
    if in_transit_of(slot_of(line[1], to)) + line[2] > MAX_LEVEL_QUANTITY then
      return refuse('QUANTITY_OVERFLOW', line[1], to)
    end
    if there < line[2] then
      short[#short + 1] = { line[1], from, line[2], math.max(0, there) }
    end
  end
  return #short > 0 and refuse('INSUFFICIENT_STOCK', short, {}) or nil
end

operation.ship_transfer = function(arguments, command)
  local id, from, to, expected_us, lines = unpack(arguments)
  local refusal = Documents.in_the_way(PAPER.TRANSFER, id, command) or shipment_refusal(from, to, lines)
    or (expected_us > 0 and Supply.refusal(Documents.key(PAPER.TRANSFER, id), to, lines))
  if refusal then
    return refusal
  end

  -- Everything is checked. From here on the shipment must succeed.
  local record = begin(KIND.SHIP_TRANSFER, command)
  local shipped = {}
  for number, line in ipairs(lines) do
    local sku, quantity = line[1], line[2]
    move(record, KIND.SHIP_TRANSFER, 0, slot_of(sku, from), -quantity, 0, 0, 0, 0)
    move(record, KIND.SHIP_TRANSFER, 0, slot_of(sku, to), 0, 0, 0, 0, 0, 0, quantity)
    shipped[number] = { sku, quantity, quantity, 0, 0 }
  end
  local transfer = Documents.make(PAPER.TRANSFER, id, shipped)
  transfer[DOCUMENT.location], transfer[DOCUMENT.origin] = to, from
  transfer[DOCUMENT.expected_us] = expected_us
  record[RECORD.extra] = Documents.keep(transfer, record)
  return finish(record, command)
end
