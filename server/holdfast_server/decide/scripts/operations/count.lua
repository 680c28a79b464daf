-- count.lua
--
-- Purpose   Sets units on hand to what was counted at some moment. What is booked is the difference between the count and
--           the books of that moment, so what moved since then is kept.
-- Command   { lines, park, parked_id, as_of }; a line is { sku, location, status, counted, expected, books }: expected -1 if
--           the caller does not compare; as_of the position at which it was counted, -1 for now; books the units on the
--           books then
-- Journal   COUNT: a movement per line, its line number the status; extra: { levels, booked differences }, packed. Or PARK.
-- Invariant A count of a moment is not booked on top of a later count, nor twice: that one has booked what this one found.

-- What the last count of a status of a level is remembered by.
local function key_of_count(line)
  return line[1] .. '|' .. line[2] .. '|' .. line[3]
end

-- Returns the result of the command if a line was counted since: a refusal, or that the ledger must be asked.
local function counted_since(lines, as_of, command)
  for _, line in ipairs(as_of >= 0 and lines or NOTHING) do
    local position = Documents.image(LAST_COUNT, key_of_count(line), command)
    if position == nil then
      return { 'RECALL', LAST_COUNT, key_of_count(line) }
    end
    if position and position > as_of then
      return refuse('COUNTED_SINCE', line[1], line[2], as_of, position)
    end
  end
  return nil
end

-- Returns what each line books; or nil and a refusal.
local function count_deltas(lines, as_of)
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
    deltas[index] = counted - (as_of >= 0 and books or on_hand)
    refusal = Stock.change_refusal(slot, status, deltas[index])
    if refusal then
      return nil, refusal
    end
  end
  return deltas
end

operation.count = function(arguments, command)
  local lines, may_park, parked_id, as_of = unpack(arguments)
  local unknown = may_park and Stock.unknown_skus(lines) or NOTHING
  if #unknown > 0 and parked_id == '' then
    return Stock.park(unknown, 'CountStock', command)
  end
  local deltas, refusal = count_deltas(lines, as_of)
  refusal = refusal or counted_since(lines, as_of, command)
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
    Stock.book(record, KIND.COUNT, line[3], slot, line[3], deltas[index])
    Documents.remember(LAST_COUNT, key_of_count(line), cmsgpack.pack(record[RECORD.position]))
    Stock.note_image(images, slot)
  end
  record[RECORD.extra] = cmsgpack.pack({ images.list, deltas })
  Stock.end_parked(parked, record)
  return finish(record, command)
end
