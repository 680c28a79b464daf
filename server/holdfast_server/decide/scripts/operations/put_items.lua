-- put_items.lua
--
-- Purpose   Creates items or replaces those that exist, all or none.
-- Command   { items }; an item is { sku, display_name, base_unit, scale }
-- Journal   PUT_ITEMS: the items.

operation.put_items = function(arguments, command)
  for _, item in ipairs(arguments[1]) do
    local known = item_of(item[1])
    if known and known[2] > 0 and known[1] ~= item[4] then
      return refuse('SCALE_IN_USE', item[1], known[1])
    end
  end

  -- Everything is checked. From here on the items are in force.
  local record = begin(KIND.PUT_ITEMS, command)
  for _, item in ipairs(arguments[1]) do
    local sku = item[1]
    local known = item_of(sku)
    if not known then
      head.items = head.items + 1
    end
    item_cache[sku] = { item[4], known and known[2] or 0 }
    changed_items[sku] = item_cache[sku]
  end
  record[CATALOG] = arguments[1]
  return finish(record, command)
end
