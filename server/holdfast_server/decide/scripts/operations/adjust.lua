-- adjust.lua
--
-- Purpose   Corrects units on hand by a difference. It may take units that are reserved: the net quantity is negative
--           then, and nothing more can be reserved there until it is positive again.
-- Command   { lines, park, parked_id }; a line is { sku, location, status, delta }
-- Journal   ADJUST: a movement per SKU, location and status; extra: the levels after it, packed. Or PARK.
-- Invariant No status of a level falls below zero units on hand.

operation.adjust = function(arguments, command)
  local lines, may_park, parked_id = unpack(arguments)
  local unknown = may_park and Stock.unknown_skus(lines) or NOTHING
  if #unknown > 0 and parked_id == '' then
    return Stock.park(unknown, 'AdjustStock', command)
  end
  local sums = Stock.summed(lines)
  local refusal = Stock.refusal(sums)
  if refusal then
    return refusal
  end
  local parked, closed = Stock.parked(parked_id, command)
  if closed then
    return closed
  end

  -- Everything is checked. From here on the correction must succeed.
  local record = begin(KIND.ADJUST, command)
  record[RECORD.extra] = cmsgpack.pack(Stock.change(record, KIND.ADJUST, sums))
  Stock.end_parked(parked, record)
  return finish(record, command)
end
