-- put_items.lua
--
-- Purpose   Creates items or replaces those that exist, all or none.
-- Command   { items }; an item is { sku, display_name, base_unit, scale, inactive, parts }; a part is { sku, quantity }
-- Journal   PUT_ITEMS: the items.
-- Invariant A kit has no stock of its own, and its parts are no kits.

-- Returns the number of kits that an item is a part of, without those that this request replaces.
local function kits_with(sku, put_here)
  local rules = rules_about(item_of(sku))
  local kits = rules and rules.part_of or 0
  for kit in pairs(kits > 0 and put_here or NOTHING) do
    for _, part in ipairs(parts_of(item_of(kit)) or NOTHING) do
      if part[1] == sku then
        kits = kits - 1
      end
    end
  end
  return kits
end

-- Counts an item as a part of one kit more, or of one less.
local function count_part(sku, change)
  local rules = rules_for_change(sku)
  local kits = (rules.part_of or 0) + change
  rules.part_of = kits > 0 and kits or nil
end

local function item_refusal(item, put_here)
  local sku, scale, parts = item[1], item[4], item[6]
  local known = item_of(sku)
  if known and known[ITEM.levels] > 0 and known[ITEM.scale] ~= scale then
    return refuse('SCALE_IN_USE', sku, known[ITEM.scale])
  end
  if #parts > 0 and known and known[ITEM.levels] > 0 then
    return refuse('KIT_CONFLICT', sku, 'HAS_STOCK')
  end
  if #parts > 0 and kits_with(sku, put_here) > 0 then
    return refuse('KIT_CONFLICT', sku, 'NOT_NESTED')
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

local function put_item(sku, scale, inactive)
  if not item_of(sku) then
    head.items = head.items + 1
    item_cache[sku] = { scale, 0 }
  end
  local item = item_of(sku)
  item[ITEM.scale] = scale
  if inactive or item[ITEM.inactive] then
    item_for_change(sku)
    item[ITEM.inactive] = inactive and 1 or 0
  end
  changed_items[sku] = item
end

-- Makes an item the kit of these parts, or with none an ordinary one.
local function put_parts(sku, parts)
  local known = parts_of(item_of(sku))
  if #parts == 0 and not known then
    return
  end
  for _, part in ipairs(known or NOTHING) do
    count_part(part[1], -1)
  end
  for _, part in ipairs(parts) do
    count_part(part[1], 1)
  end
  rules_for_change(sku).parts = #parts > 0 and parts or nil
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
    put_item(item[1], item[4], item[5])
  end
  -- All of them are there now, so a kit can come before its parts.
  for _, item in ipairs(arguments[1]) do
    put_parts(item[1], item[6])
  end
  record[RECORD.catalog] = arguments[1]
  return finish(record, command)
end
