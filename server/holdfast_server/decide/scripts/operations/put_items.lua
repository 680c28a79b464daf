-- put_items.lua
--
-- Purpose   Creates items or replaces those that exist, all or none.
-- Command   { items }; an item is { sku, display_name, base_unit, scale, inactive, parts }; a part is { sku, quantity }
-- Journal   PUT_ITEMS: the items.
-- Invariant A kit has no stock of its own, and its parts are no kits.

local function item_refusal(item, put_here)
  local sku, scale, parts = item[1], item[4], item[6]
  local known = item_of(sku)
  if known and known[ITEM.levels] > 0 and known[ITEM.scale] ~= scale then
    return refuse('SCALE_IN_USE', sku, known[ITEM.scale])
  end
  if #parts > 0 and known and known[ITEM.levels] > 0 then
    return refuse('KIT_CONFLICT', sku, 'HAS_STOCK')
  end
  for _, part in ipairs(parts) do
    local put = put_here[part[1]]
    if not put and not item_of(part[1]) then
      return refuse('UNKNOWN_SKU', part[1])
    end
    if part[1] == sku or (put and #put[6] > 0) or (not put and parts_of(item_of(part[1]))) then
      return refuse('KIT_CONFLICT', part[1], 'NOT_NESTED')
    end
  end
  return nil
end

local function put_item(sku, scale, inactive, parts)
  if not item_of(sku) then
    head.items = head.items + 1
    item_cache[sku] = { scale, 0 }
  end
  local item = item_of(sku)
  item[ITEM.scale] = scale
  if inactive or #parts > 0 or item[ITEM.inactive] then
    item_for_change(sku)
    item[ITEM.inactive] = inactive and 1 or 0
    if #parts > 0 then
      rules_for_change(sku).parts = parts
    elseif item[ITEM.rules] then
      item[ITEM.rules].parts = nil
    end
  end
  changed_items[sku] = item
end

operation.put_items = function(arguments, command)
  local put_here = {}
  for _, item in ipairs(arguments[1]) do
    put_here[item[1]] = item
  end
  for _, item in ipairs(arguments[1]) do
    local refusal = item_refusal(item, put_here)
    if refusal then
      return refusal
    end
  end

  -- Everything is checked. From here on the items are in force.
  local record = begin(KIND.PUT_ITEMS, command)
  for _, item in ipairs(arguments[1]) do
    put_item(item[1], item[4], item[5], item[6])
  end
  record[RECORD.catalog] = arguments[1]
  return finish(record, command)
end
