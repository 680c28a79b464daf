-- any_reservation.lua: for commands about what a reservation did, which may have ended.

-- Returns the reservation, live or ended; or nil and the result that the command gets.
local function any_reservation(id, command)
  local reservation = live_reservation(id)
  if reservation then
    return reservation
  end
  local image = Documents.image(Documents.RESERVATION, id, command)
  if image == false then
    return nil, refuse('UNKNOWN_RESERVATION', id)
  end
  if image == nil or LIVE[image[RESERVATION.state]] then
    return nil, { 'RECALL', Documents.RESERVATION, id }
  end
  return image
end
