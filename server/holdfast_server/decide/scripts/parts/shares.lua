-- shares.lua: what channels are allotted of a SKU, and what they have used of it.

local Shares = {}
do

local touched_shares = {}

-- Returns a channel's share of a SKU for a change, and makes one if there is none.
function Shares.for_change(sku, channel)
  local rules = rules_for_change(sku)
  rules.channels = rules.channels or {}
  local share = rules.channels[channel]
  if not share then
    share = { 0, 0, -1, 0, 0, 0, -1 }
    rules.channels[channel] = share
  end
  return share
end

-- Drops a share of which neither an allotment nor a buffer is left.
function Shares.drop_if_empty(sku, channel)
  local rules = rules_about(item_of(sku))
  local share = rules.channels[channel]
  if share[SHARE.allotted] == 0 and share[SHARE.buffer] < 0 then
    rules.channels[channel] = nil
    if next(rules.channels) == nil then
      rules.channels = nil
    end
  end
end

function Shares.find(sku, channel)
  local rules = rules_about(item_of(sku))
  return rules and rules.channels and rules.channels[channel] or nil
end

-- Returns the allotment of a channel, or nil if it has none or its time is over.
function Shares.allotment(sku, channel)
  local share = Shares.find(sku, channel)
  return share and Formula.is_in_force(share) and share or nil
end

function Shares.remove_allotment(sku, channel)
  local known = Shares.find(sku, channel)
  if not known or known[SHARE.allotted] == 0 then
    return
  end
  local share = Shares.for_change(sku, channel)
  share[SHARE.allotted], share[SHARE.guaranteed], share[SHARE.cap] = 0, 0, -1
  share[SHARE.used], share[SHARE.start_position], share[SHARE.expire_us] = 0, 0, 0
  Shares.drop_if_empty(sku, channel)
end

-- Counts units of a SKU as used of the allotment of a reservation's channel, or with a minus as no longer used. What was
-- reserved before there was an allotment never counted.
function Shares.use(reservation, sku, units)
  local channel = reservation[RESERVATION.channel]
  local share = Shares.allotment(sku, channel)
  if share and reservation[RESERVATION.create_position] >= share[SHARE.start_position] then
    share[SHARE.used] = share[SHARE.used] + units
    changed_items[sku] = item_of(sku)
    touched_shares[sku .. '|' .. channel] = { sku, channel }
  end
end

-- Returns what is used after the tick of every allotment that the tick used, as far as it is still there.
function Shares.after()
  local images = {}
  for _, touched in pairs(touched_shares) do
    local share = Shares.allotment(touched[1], touched[2])
    if share then
      images[#images + 1] = { touched[1], touched[2], share[SHARE.used] }
    end
  end
  return images
end

end
