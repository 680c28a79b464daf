-- plan_split.lua
--
-- Purpose   Notes how a demand is to be filled from several segments, before any of them is asked. Moves nothing.
-- Command   { split_id, channel, order_id, note, lines }; a line is { segment, reservation_id, sku, location, quantity }
-- Journal   PLAN_SPLIT: no movements, the plan; extra: the plan, packed.
-- Invariant None of its own: `note` is the request that the plan answers, which takes effect when the plan does.

operation.plan_split = function(arguments, command)
  local id, channel, order_id, note, lines = unpack(arguments)
  if not channel_of(channel) then
    return refuse('UNKNOWN_CHANNEL', channel)
  end

  -- Everything is checked. From here on the plan stands.
  local record = begin(KIND.PLAN_SPLIT, command)
  local split = Documents.make(PAPER.SPLIT, id, lines)
  split[DOCUMENT.channel], split[DOCUMENT.order_id] = channel, order_id
  split[DOCUMENT.note] = note
  split[DOCUMENT.resolution] = PHASE.PLANNED
  record[RECORD.extra] = Documents.keep(split, record)
  return finish(record, command)
end
