-- resolve_incident.lua
--
-- Purpose   Gives an incident its resolution, and carries that out for those of its units that still wait.
-- Command   { incident_id, resolution, substitute_sku, to_location, note }
-- Journal   RESOLVE_INCIDENT: movements RELEASE, RESERVE or TRANSFER_RESERVATION as the resolution asks, the reservation if it
--           is live, the incident; extra: the incident, packed.

-- Returns the lines of a reservation that still miss units by an incident: { line number, units, line of the incident }. A
-- line that began to wait after the incident was opened was covered in between: what waits is not what this is about.
local function still_missing(incident, reservation)
  local missing = {}
  local opened = tonumber(string.match(incident[DOCUMENT.document_id], '%d+$'))
  for _, line in ipairs(reservation and incident[DOCUMENT.lines] or NOTHING) do
    local number = line[PAPER_LINE.INCIDENT.line_number]
    local waiting = reservation[RESERVATION.lines][number]
    local units = math.min(line[PAPER_LINE.INCIDENT.open], waiting[LINE.backordered])
    if units > 0 and waiting[LINE.wait_position] <= opened then
      missing[#missing + 1] = { number, units, line }
    end
  end
  return missing
end

-- Returns where the units of each line come from now, by the index of the line; or nil and a refusal.
local function replacements(reservation, missing, resolution, substitute_sku, to_location)
  local places_by_line, draw = {}, reservation and Lines.new_draw(reservation)
  for index, one in ipairs(missing) do
    local line, units = reservation[RESERVATION.lines][one[1]], one[2]
    if resolution == RESOLUTION.SUBSTITUTE then
      local pool_id = channel_of(reservation[RESERVATION.channel])[CHANNEL.pool]
      local places, drawn = Lines.draw(draw, pool_id, substitute_sku, units, '')
      local refusal = Lines.draw_refusal(draw)
      if refusal then
        return nil, refusal
      end
      if drawn < units then
        return nil, refuse('INSUFFICIENT_STOCK', { { substitute_sku, '', units, drawn } }, {})
      end
      places_by_line[index] = places
    elseif resolution == RESOLUTION.TRANSFER then
      local places, refusal = Lines.places(draw, line, units, to_location, '')
      if refusal then
        return nil, refusal
      end
      places_by_line[index] = places
    end
  end
  return places_by_line
end

local function carry_out(record, reservation, number, units, resolution, places)
  local line = reservation[RESERVATION.lines][number]
  if resolution == RESOLUTION.TRANSFER then
    Lines.move(record, reservation, number, units, places)
    return
  end
  Lines.give_up(record, KIND.RELEASE, reservation, number, units, LINE.released)
  for _, place in ipairs(places or NOTHING) do
    local slot, quantity = place[1], place[2]
    local ordered_sku = line[LINE.ordered_sku] ~= '' and line[LINE.ordered_sku] or line[LINE.sku]
    local added = Lines.add(reservation, slot, quantity, ordered_sku, SOURCED.POOL_ORDER, 0, 0, 0)
    Lines.book(record, KIND.RESERVE, reservation, added, slot, quantity)
    Shares.use(reservation, slot.sku, quantity)
  end
end

operation.resolve_incident = function(arguments, command)
  local id, resolution, substitute_sku, to_location, note = unpack(arguments)
  local incident, result = Documents.find(PAPER.INCIDENT, id, command)
  if not incident then
    return result
  end
  local refusal = resolution == RESOLUTION.SUBSTITUTE and Stock.sku_refusal(substitute_sku)
    or resolution == RESOLUTION.TRANSFER and Stock.place_refusal(to_location)
  if refusal then
    return refusal
  end
  local reservation = live_reservation(incident[DOCUMENT.reservation_id])
  local missing = still_missing(incident, reservation)
  local places_by_line, short = replacements(reservation, missing, resolution, substitute_sku, to_location)
  if short then
    return short
  end

  -- Everything is checked. From here on the resolution must succeed.
  local record = begin(KIND.RESOLVE_INCIDENT, command)
  if #missing > 0 and resolution ~= RESOLUTION.BACKORDER then
    for index, one in ipairs(missing) do
      carry_out(record, reservation, one[1], one[2], resolution, places_by_line[index])
      one[3][PAPER_LINE.INCIDENT.open] = one[3][PAPER_LINE.INCIDENT.open] - one[2]
    end
    Lines.end_if_resolved(reservation)
    record[RECORD.reservation] = keep_reservation(reservation, record[RECORD.position])
  elseif reservation then
    record[RECORD.reservation] = keep_reservation(reservation, record[RECORD.position])
  end
  incident[DOCUMENT.state] = PAPER_STATE.INCIDENT.RESOLVED
  incident[DOCUMENT.resolution], incident[DOCUMENT.note] = resolution, note
  record[RECORD.extra] = Documents.keep(incident, record)
  return finish(record, command)
end
