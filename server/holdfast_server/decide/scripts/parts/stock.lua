-- stock.lua: changes of units on hand: what is checked, how it is booked, and what waits for items that nobody knows.

local Stock = made_when_used(function(Stock)

local FIELD_OF_STATUS = {
  [STATUS.SELLABLE] = LEVEL.sellable,
  [STATUS.QUALITY_HOLD] = LEVEL.quality_hold,
  [STATUS.DAMAGED] = LEVEL.damaged,
}

function Stock.on_hand(slot, status)
  return slot.level and slot.level[FIELD_OF_STATUS[status]] or 0
end

-- Books a change of units of one status.
function Stock.book(record, kind, line, slot, status, delta)
  move(record, kind, line, slot,
    status == STATUS.SELLABLE and delta or 0,
    status == STATUS.QUALITY_HOLD and delta or 0,
    status == STATUS.DAMAGED and delta or 0, 0, 0)
end

-- Returns a refusal if a SKU has no stock, because there is no such item or because it is a kit.
function Stock.sku_refusal(sku)
  local item = item_of(sku)
  if not item then
    return refuse('UNKNOWN_SKU', sku)
  end
  if parts_of(item) then
    return refuse('KIT_CONFLICT', sku, 'NO_STOCK_OF_ITS_OWN')
  end
  return nil
end

function Stock.place_refusal(location)
  return not location_of(location) and refuse('UNKNOWN_LOCATION', location) or nil
end

-- Returns a refusal if units of a status cannot change by so many.
function Stock.change_refusal(slot, status, delta)
  local on_hand = Stock.on_hand(slot, status)
  if on_hand + delta < 0 then
    return refuse('ADJUSTMENT_BELOW_ZERO', slot.sku, slot.location, status, delta, on_hand)
  end
  if on_hand + delta > MAX_LEVEL_QUANTITY then
    return refuse('QUANTITY_OVERFLOW', slot.sku, slot.location)
  end
  return nil
end

-- Sums lines of the same SKU, location and status, in the order of their first appearance.
function Stock.summed(lines)
  local sums, by_field = {}, {}
  for _, line in ipairs(lines) do
    local field = line[1] .. '|' .. line[2] .. '|' .. line[3]
    local sum = by_field[field]
    if sum then
      sum[4] = sum[4] + line[4]
    else
      sum = { line[1], line[2], line[3], line[4] }
      by_field[field] = sum
      sums[#sums + 1] = sum
    end
  end
  return sums
end

-- Checks changes of units on hand. Returns a refusal, or nil.
function Stock.refusal(sums)
  for _, sum in ipairs(sums) do
    local sku, location, status, delta = unpack(sum)
    local refusal = Stock.sku_refusal(sku) or Stock.place_refusal(location) or Stock.change_refusal(slot_of(sku, location), status, delta)
    if refusal then
      return refusal
    end
  end
  return nil
end

-- The levels of slots, each once, in the order in which they are first noted.
function Stock.new_images()
  return { list = {}, noted = {} }
end

function Stock.note_image(images, slot)
  if not images.noted[slot] then
    images.noted[slot] = true
    images.list[#images.list + 1] = { slot.sku, slot.location, slot.level }
  end
end

-- Books checked changes of units on hand. Returns the images of the levels.
function Stock.change(record, kind, sums)
  local images = Stock.new_images()
  for _, sum in ipairs(sums) do
    local slot = slot_of(sum[1], sum[2])
    Stock.book(record, kind, 0, slot, sum[3], sum[4])
    Stock.note_image(images, slot)
  end
  return images.list
end

-- Returns the SKUs of lines that nobody knows, each once.
function Stock.unknown_skus(lines)
  local unknown, seen = {}, {}
  for _, line in ipairs(lines) do
    if not seen[line[1]] and not item_of(line[1]) then
      unknown[#unknown + 1] = { line[1] }
    end
    seen[line[1]] = true
  end
  return unknown
end

-- Lets a request wait until the items exist that it names.
function Stock.park(unknown, method, command)
  local record = begin(KIND.PARK, command)
  local parked = Documents.make(PAPER.PARKED, segment .. '-parked-' .. digits(record[RECORD.position]), unknown)
  parked[DOCUMENT.origin] = method
  Documents.keep(parked, record)
  record[RECORD.extra] = cmsgpack.pack({ parked = parked[DOCUMENT.document_id] })
  return finish(record, command)
end

-- Ends the parked request that a command applies, if it does.
function Stock.end_parked(parked, record)
  if parked then
    parked[DOCUMENT.state] = PAPER_STATE.PARKED.APPLIED
    Documents.keep(parked, record)
  end
end

-- Returns the parked request that a command applies, or nil; and the result of the command if it must not be applied.
function Stock.parked(parked_id, command)
  if parked_id == '' then
    return nil
  end
  return Documents.find(PAPER.PARKED, parked_id, command)
end

end)
