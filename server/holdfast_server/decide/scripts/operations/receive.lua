-- receive.lua
--
-- Purpose   Books units that came in, be it on an inbound plan.
-- Command   { lines, inbound_id, park, parked_id }; a line is { sku, location, status, quantity }
-- Journal   RECEIVE: a movement per SKU, location and status; the plan; extra: the levels after it, packed. Or PARK.

-- Returns the plan that units came in on, or nil; and the result of the command if it cannot be that one.
local function inbound_of(inbound_id, sums, command)
  if inbound_id == '' then
    return nil
  end
  local inbound, result = Documents.find(PAPER.INBOUND, inbound_id, command)
  if not inbound then
    return nil, result
  end
  for _, sum in ipairs(sums) do
    if sum[2] ~= inbound[DOCUMENT.location] then
      return nil, refuse('EXCEEDS_DOCUMENT', PAPER.INBOUND, inbound_id, sum[2], sum[4], 0)
    end
  end
  return inbound
end

-- Counts units on the plan that they came in on. More than was announced leaves nothing open.
local function receive_on(inbound, sums, record)
  local open = 0
  for _, line in ipairs(inbound[DOCUMENT.lines]) do
    for _, sum in ipairs(sums) do
      if sum[1] == line[PAPER_LINE.INBOUND.sku] then
        line[PAPER_LINE.INBOUND.received] = line[PAPER_LINE.INBOUND.received] + sum[4]
      end
    end
    line[PAPER_LINE.INBOUND.open] = math.max(0, line[PAPER_LINE.INBOUND.quantity] - line[PAPER_LINE.INBOUND.received])
    open = open + line[PAPER_LINE.INBOUND.open]
  end
  if open == 0 then
    inbound[DOCUMENT.state] = PAPER_STATE.INBOUND.CLOSED
  end
  Documents.keep(inbound, record)
end

operation.receive = function(arguments, command)
  local lines, inbound_id, may_park, parked_id = unpack(arguments)
  local unknown = may_park and Stock.unknown_skus(lines) or NOTHING
  if #unknown > 0 and parked_id == '' then
    return Stock.park(unknown, 'ReceiveStock', command)
  end
  local sums = Stock.summed(lines)
  local refusal = Stock.refusal(sums)
  if refusal then
    return refusal
  end
  local inbound, result = inbound_of(inbound_id, sums, command)
  if result then
    return result
  end
  local parked, closed = Stock.parked(parked_id, command)
  if closed then
    return closed
  end

  -- Everything is checked. From here on the receipt must succeed.
  local record = begin(KIND.RECEIVE, command)
  record[RECORD.extra] = cmsgpack.pack(Stock.change(record, KIND.RECEIVE, sums))
  if inbound then
    receive_on(inbound, sums, record)
  end
  Stock.end_parked(parked, record)
  return finish(record, command)
end
