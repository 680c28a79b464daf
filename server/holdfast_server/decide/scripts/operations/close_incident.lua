-- close_incident.lua
--
-- Purpose   Closes an incident.
-- Command   { incident_id, note }
-- Journal   CLOSE_INCIDENT: no movements, the incident; extra: the incident, packed.

operation.close_incident = function(arguments, command)
  local incident, result = Documents.find(PAPER.INCIDENT, arguments[1], command)
  if not incident then
    return result
  end

  -- Everything is checked. From here on the incident is closed.
  local record = begin(KIND.CLOSE_INCIDENT, command)
  incident[DOCUMENT.state] = PAPER_STATE.INCIDENT.CLOSED
  if arguments[2] ~= '' then
    incident[DOCUMENT.note] = arguments[2]
  end
  record[RECORD.extra] = Documents.keep(incident, record)
  return finish(record, command)
end
