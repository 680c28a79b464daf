-- receive.lua
--
-- Purpose   Books units that came in.
-- Command   { lines }; a line is { sku, location, status, quantity }
-- Journal   RECEIVE: a movement per SKU, location and status; extra: the levels after it, packed.

-- Sums lines of the same SKU, location and status, in the order of their first appearance.
local function summed_by_status(lines)
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

local FIELD_OF_STATUS = {
  [STATUS.SELLABLE] = LEVEL.sellable,
  [STATUS.QUALITY_HOLD] = LEVEL.quality_hold,
  [STATUS.DAMAGED] = LEVEL.damaged,
}

-- Checks changes of units on hand. Returns a refusal, or nil.
local function on_hand_refusal(sums)
  for _, sum in ipairs(sums) do
    local sku, location, status, delta = unpack(sum)
    if not item_of(sku) then
      return refuse('UNKNOWN_SKU', sku)
    end
    if not location_of(location) then
      return refuse('UNKNOWN_LOCATION', location)
    end
    local level = slot_of(sku, location).level
    local on_hand = level and level[FIELD_OF_STATUS[status]] or 0
    if on_hand + delta < 0 then
      return refuse('ADJUSTMENT_BELOW_ZERO', sku, location, status, delta, on_hand)
    end
    if on_hand + delta > MAX_LEVEL_QUANTITY then
      return refuse('QUANTITY_OVERFLOW', sku, location)
    end
  end
  return nil
end

-- Books checked changes of units on hand, and answers with the levels after them.
local function change_on_hand(kind, sums, command)
  local record = begin(kind, command)
  local images, image_of = {}, {}
  for _, sum in ipairs(sums) do
    local sku, location, status, delta = unpack(sum)
    local slot = slot_of(sku, location)
    move(record, kind, 0, slot,
      status == STATUS.SELLABLE and delta or 0,
      status == STATUS.QUALITY_HOLD and delta or 0,
      status == STATUS.DAMAGED and delta or 0, 0, 0)
    if not image_of[slot] then
      image_of[slot] = { sku, location, slot.level }
      images[#images + 1] = image_of[slot]
    end
  end
  record[EXTRA] = cmsgpack.pack(images)
  return finish(record, command)
end

operation.receive = function(arguments, command)
  local sums = summed_by_status(arguments[1])
  local refusal = on_hand_refusal(sums)
  if refusal then
    return refusal
  end

  -- Everything is checked. From here on the receipt must succeed.
  return change_on_hand(KIND.RECEIVE, sums, command)
end
