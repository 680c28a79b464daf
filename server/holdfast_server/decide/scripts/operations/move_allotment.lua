-- move_allotment.lua
--
-- Purpose   Moves guaranteed units of a SKU from one channel to another.
-- Command   { sku, from_channel, to_channel, quantity }
-- Journal   MOVE_ALLOTMENT: both rules; extra: { guaranteed, cap, expire_us, used } of both, packed.
-- Invariant What is used is not moved.

local function rule_image(sku, channel, share)
  local values = { share[SHARE.guaranteed], share[SHARE.cap], share[SHARE.expire_us] }
  return { RULE.ALLOTMENT, sku, '', channel, '', false, share[SHARE.used], share[SHARE.start_position], values }
end

local function share_answer(share)
  return { share[SHARE.guaranteed], share[SHARE.cap], share[SHARE.expire_us], share[SHARE.used] }
end

operation.move_allotment = function(arguments, command)
  local sku, from_channel, to_channel, quantity = unpack(arguments)
  local refusal = Stock.sku_refusal(sku)
  if refusal then
    return refusal
  end
  for _, channel in ipairs({ from_channel, to_channel }) do
    if not channel_of(channel) then
      return refuse('UNKNOWN_CHANNEL', channel)
    end
  end
  local from, to = Shares.allotment(sku, from_channel), Shares.allotment(sku, to_channel)
  local movable = from and to and math.max(0, from[SHARE.guaranteed] - from[SHARE.used]) or 0
  if movable < quantity then
    return refuse('ALLOTMENT_TOO_SMALL', sku, from and not to and to_channel or from_channel, quantity, movable)
  end

  -- Everything is checked. From here on the units are moved.
  local record = begin(KIND.MOVE_ALLOTMENT, command)
  from[SHARE.guaranteed] = from[SHARE.guaranteed] - quantity
  to[SHARE.guaranteed] = to[SHARE.guaranteed] + quantity
  item_for_change(sku)
  record[RECORD.catalog] = { rule_image(sku, from_channel, from), rule_image(sku, to_channel, to) }
  record[RECORD.extra] = cmsgpack.pack({ share_answer(from), share_answer(to) })
  return finish(record, command)
end
