-- release.lua
--
-- Purpose   Gives reserved units back: the whole reservation, lines of it, or parts of lines.
-- Command   { reservation_id, lines, only_held }; what is committed is not released if only_held is said. A line is { line_number, quantity }, quantity 0 means all that is open, and no
--           lines mean the whole reservation
-- Journal   RELEASE: a movement per line that gives units back, the reservation.

-- Returns what each line gives back, or nil and a refusal.
local function releases_of(reservation, asked)
  local releases = {}
  if #asked == 0 then
    for number, line in ipairs(reservation[RESERVATION.lines]) do
      if line[LINE.open] > 0 then
        releases[#releases + 1] = { number, line[LINE.open] }
      end
    end
    return releases
  end
  for _, ask in ipairs(asked) do
    local number, quantity = ask[1], ask[2]
    local line = reservation[RESERVATION.lines][number]
    if not line then
      return nil, refuse('UNKNOWN_LINE', number)
    end
    local open = line[LINE.open]
    if open == 0 or quantity > open then
      return nil, refuse('RELEASE_EXCEEDS_OPEN', number, quantity, open)
    end
    releases[#releases + 1] = { number, quantity == 0 and open or quantity }
  end
  return releases
end

operation.release = function(arguments, command)
  local id, asked, only_held = unpack(arguments)
  local reservation = live_reservation(id)
  if not reservation then
    return refuse('NOT_LIVE')
  end
  if only_held and reservation[RESERVATION.state] == STATE.COMMITTED then
    return refuse('ALREADY_COMMITTED', reservation[RESERVATION.update_us])
  end
  local releases, refusal = releases_of(reservation, asked)
  if refusal then
    return refusal
  end

  -- Everything is checked. From here on the release must succeed.
  local record = begin(KIND.RELEASE, command)
  for _, release in ipairs(releases) do
    Lines.give_up(record, KIND.RELEASE, reservation, release[1], release[2], LINE.released)
  end
  Lines.end_if_resolved(reservation)
  record[RECORD.reservation] = keep_reservation(reservation, record[RECORD.position])
  return finish(record, command)
end
