-- move_status.lua
--
-- Purpose   Changes the status of units where they lie. Like a correction it may take units that are reserved.
-- Command   { lines }; a line is { sku, location, from_status, to_status, quantity }
-- Journal   MOVE_STATUS: a movement per SKU and location; extra: the levels after it, packed.

operation.move_status = function(arguments, command)
  local changes = {}
  for _, line in ipairs(arguments[1]) do
    local sku, location, from, to, quantity = unpack(line)
    changes[#changes + 1] = { sku, location, from, -quantity }
    changes[#changes + 1] = { sku, location, to, quantity }
  end
  local refusal = Stock.refusal(Stock.summed(changes))
  if refusal then
    return refusal
  end

  -- Everything is checked. From here on the change must succeed.
  local record = begin(KIND.MOVE_STATUS, command)
  local slots, deltas_of = {}, {}
  for _, change in ipairs(changes) do
    local slot = slot_of(change[1], change[2])
    local deltas = deltas_of[slot]
    if not deltas then
      deltas = { [STATUS.SELLABLE] = 0, [STATUS.QUALITY_HOLD] = 0, [STATUS.DAMAGED] = 0 }
      deltas_of[slot] = deltas
      slots[#slots + 1] = slot
    end
    deltas[change[3]] = deltas[change[3]] + change[4]
  end
  local levels = {}
  for index, slot in ipairs(slots) do
    local deltas = deltas_of[slot]
    move(record, KIND.MOVE_STATUS, 0, slot,
      deltas[STATUS.SELLABLE], deltas[STATUS.QUALITY_HOLD], deltas[STATUS.DAMAGED], 0, 0)
    levels[index] = { slot.sku, slot.location, slot.level }
  end
  record[RECORD.extra] = cmsgpack.pack(levels)
  return finish(record, command)
end
