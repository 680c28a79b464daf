-- count.lua
--
-- Purpose   Sets units on hand to what was counted at some moment. What is booked is the difference between the count and
--           the books of that moment, so what moved since then is kept.
-- Command   { lines, park, parked_id }; a line is { sku, location, status, counted, expected, books }: expected -1 if the
--           caller does not compare, books the units on the books at the moment of the count, -1 for now
-- Journal   COUNT: a movement per line; extra: { levels, booked differences }, packed. Or PARK.

-- Returns what each line books; or nil and a refusal.
local function count_deltas(lines)
  local deltas = {}
  for index, line in ipairs(lines) do
    local sku, location, status, counted, expected, books = unpack(line)
    local refusal = Stock.sku_refusal(sku) or Stock.place_refusal(location)
    if refusal then
      return nil, refusal
    end
    local slot = slot_of(sku, location)
    local on_hand = Stock.on_hand(slot, status)
    if expected >= 0 and expected ~= on_hand then
      return nil, refuse('QUANTITY_CHANGED', sku, location, expected, on_hand)
    end
    deltas[index] = counted - (books >= 0 and books or on_hand)
    refusal = Stock.change_refusal(slot, status, deltas[index])
    if refusal then
      return nil, refusal
    end
  end
  return deltas
end

operation.count = function(arguments, command)
  local lines, may_park, parked_id = unpack(arguments)
  local unknown = may_park and Stock.unknown_skus(lines) or NOTHING
  if #unknown > 0 and parked_id == '' then
    return Stock.park(unknown, 'CountStock', command)
  end
  local deltas, refusal = count_deltas(lines)
  if refusal then
    return refusal
  end
  local parked, closed = Stock.parked(parked_id, command)
  if closed then
    return closed
  end

  -- Everything is checked. From here on the count must succeed.
  local record = begin(KIND.COUNT, command)
  local images = Stock.new_images()
  for index, line in ipairs(lines) do
    local slot = slot_of(line[1], line[2])
    Stock.book(record, KIND.COUNT, 0, slot, line[3], deltas[index])
    Stock.note_image(images, slot)
  end
  record[RECORD.extra] = cmsgpack.pack({ images.list, deltas })
  Stock.end_parked(parked, record)
  return finish(record, command)
end
