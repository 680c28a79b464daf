-- inspect_return.lua
--
-- Purpose   Books what the inspection found in units that came back: sellable, damaged, or back to the vendor.
-- Command   { return_id, lines }; a line is { line_number, sellable, damaged, vendor }
-- Journal   INSPECT: a movement per line, the return; extra: the return, packed.

local function inspection_refusal(document, lines)
  local id, taken = document[DOCUMENT.document_id], {}
  for _, found in ipairs(lines) do
    local number, sellable, damaged, vendor = unpack(found)
    local line = document[DOCUMENT.lines][number]
    local units = sellable + damaged + vendor
    local open = line and line[PAPER_LINE.RETURN.open] or 0
    if units > open or units == 0 then
      return refuse('EXCEEDS_DOCUMENT', PAPER.RETURN, id, digits(number), units, open)
    end
    local slot = slot_of(line[PAPER_LINE.RETURN.sku], document[DOCUMENT.location])
    taken[slot] = (taken[slot] or 0) + units
    local refusal = Stock.change_refusal(slot, STATUS.QUALITY_HOLD, -taken[slot])
      or Stock.change_refusal(slot, STATUS.SELLABLE, sellable) or Stock.change_refusal(slot, STATUS.DAMAGED, damaged)
    if refusal then
      return refusal
    end
  end
  return nil
end

operation.inspect_return = function(arguments, command)
  local id, lines = unpack(arguments)
  local document, result = Documents.find(PAPER.RETURN, id, command)
  if not document then
    return result
  end
  local refusal = inspection_refusal(document, lines)
  if refusal then
    return refusal
  end

  -- Everything is checked. From here on the inspection must succeed.
  local record = begin(KIND.INSPECT, command)
  for _, found in ipairs(lines) do
    local number, sellable, damaged, vendor = unpack(found)
    local line = document[DOCUMENT.lines][number]
    move(record, KIND.INSPECT, 0, slot_of(line[PAPER_LINE.RETURN.sku], document[DOCUMENT.location]),
      sellable, -(sellable + damaged + vendor), damaged, 0, 0)
    line[PAPER_LINE.RETURN.open] = line[PAPER_LINE.RETURN.open] - sellable - damaged - vendor
    line[PAPER_LINE.RETURN.sellable] = line[PAPER_LINE.RETURN.sellable] + sellable
    line[PAPER_LINE.RETURN.damaged] = line[PAPER_LINE.RETURN.damaged] + damaged
    line[PAPER_LINE.RETURN.vendor] = line[PAPER_LINE.RETURN.vendor] + vendor
  end
  document[DOCUMENT.state] = PAPER_STATE.RETURN.INSPECTED
  for _, line in ipairs(document[DOCUMENT.lines]) do
    if line[PAPER_LINE.RETURN.open] > 0 then
      document[DOCUMENT.state] = PAPER_STATE.RETURN.IN_INSPECTION
    end
  end
  record[RECORD.extra] = Documents.keep(document, record)
  return finish(record, command)
end
