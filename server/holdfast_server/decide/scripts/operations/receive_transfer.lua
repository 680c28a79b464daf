-- receive_transfer.lua
--
-- Purpose   Books units of a transfer that arrived, or that were lost on the way.
-- Command   { transfer_id, lines }; a line is { sku, received, lost, status }; no lines: everything arrived
-- Journal   RECEIVE_TRANSFER: a movement per line, the transfer; extra: the transfer, packed.

local function everything_open(transfer)
  local lines = {}
  for _, line in ipairs(transfer[DOCUMENT.lines]) do
    if line[PAPER_LINE.TRANSFER.open] > 0 then
      lines[#lines + 1] = { line[PAPER_LINE.TRANSFER.sku], line[PAPER_LINE.TRANSFER.open], 0, STATUS.SELLABLE }
    end
  end
  return lines
end

local function line_of_sku(document, sku)
  for _, line in ipairs(document[DOCUMENT.lines]) do
    if line[1] == sku then
      return line
    end
  end
  return nil
end

local function arrival_refusal(transfer, lines)
  for _, line in ipairs(lines) do
    local sku, received, lost, status = unpack(line)
    local known = line_of_sku(transfer, sku)
    local open = known and known[PAPER_LINE.TRANSFER.open] or 0
    if received + lost > open or received + lost == 0 then
      return refuse('EXCEEDS_DOCUMENT', PAPER.TRANSFER, transfer[DOCUMENT.document_id], sku, received + lost, open)
    end
    local refusal = Stock.change_refusal(slot_of(sku, transfer[DOCUMENT.location]), status, received)
    if refusal then
      return refusal
    end
  end
  return nil
end

operation.receive_transfer = function(arguments, command)
  local id, lines = unpack(arguments)
  local transfer, result = Documents.find(PAPER.TRANSFER, id, command)
  if not transfer then
    return result
  end
  if #lines == 0 then
    lines = everything_open(transfer)
  end
  local refusal = arrival_refusal(transfer, lines)
  if refusal then
    return refusal
  end

  -- Everything is checked. From here on the arrival must succeed.
  local record = begin(KIND.RECEIVE_TRANSFER, command)
  for _, line in ipairs(lines) do
    local sku, received, lost, status = unpack(line)
    move(record, KIND.RECEIVE_TRANSFER, 0, slot_of(sku, transfer[DOCUMENT.location]),
      status == STATUS.SELLABLE and received or 0,
      status == STATUS.QUALITY_HOLD and received or 0,
      status == STATUS.DAMAGED and received or 0, 0, 0, 0, -received - lost)
    local known = line_of_sku(transfer, sku)
    known[PAPER_LINE.TRANSFER.open] = known[PAPER_LINE.TRANSFER.open] - received - lost
    known[PAPER_LINE.TRANSFER.received] = known[PAPER_LINE.TRANSFER.received] + received
    known[PAPER_LINE.TRANSFER.lost] = known[PAPER_LINE.TRANSFER.lost] + lost
  end
  if #everything_open(transfer) == 0 then
    transfer[DOCUMENT.state] = PAPER_STATE.TRANSFER.COMPLETED
  end
  record[RECORD.extra] = Documents.keep(transfer, record)
  return finish(record, command)
end
