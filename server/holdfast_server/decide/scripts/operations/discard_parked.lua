-- discard_parked.lua
--
-- Purpose   Gives up a request that waits for its items.
-- Command   { parked_id, note }
-- Journal   DISCARD_PARKED: no movements, the parked request; extra: the same, packed.

operation.discard_parked = function(arguments, command)
  local parked, result = Documents.find(PAPER.PARKED, arguments[1], command)
  if not parked then
    return result
  end

  -- Everything is checked. From here on the request is given up.
  local record = begin(KIND.DISCARD_PARKED, command)
  parked[DOCUMENT.state] = PAPER_STATE.PARKED.DISCARDED
  parked[DOCUMENT.note] = arguments[2]
  record[RECORD.extra] = Documents.keep(parked, record)
  return finish(record, command)
end
