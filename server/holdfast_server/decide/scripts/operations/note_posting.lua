-- note_posting.lua
--
-- Purpose   Notes that another system has booked what a reservation did. Moves nothing.
-- Command   { reservation_id, system, document, booked_position, booked_us }; 0 for what was not said
-- Journal   NOTE_POSTING: no movements, the posting; extra: the posting, packed.

operation.note_posting = function(arguments, command)
  local reservation_id, system, number, booked_position, booked_us = unpack(arguments)
  local reservation, result = any_reservation(reservation_id, command)
  if not reservation then
    return result
  end

  -- Everything is checked. From here on the note must succeed.
  local record = begin(KIND.NOTE_POSTING, command)
  local posting = Documents.make(PAPER.POSTING, segment .. '-posting-' .. digits(record[RECORD.position]), NOTHING)
  posting[DOCUMENT.state] = PAPER_STATE.POSTING.NOTED
  posting[DOCUMENT.origin], posting[DOCUMENT.note] = system, number
  posting[DOCUMENT.channel], posting[DOCUMENT.order_id] = reservation[RESERVATION.channel], reservation[RESERVATION.order_id]
  posting[DOCUMENT.reservation_id] = reservation_id
  posting[DOCUMENT.seen_position], posting[DOCUMENT.expected_us] = booked_position, booked_us
  record[RECORD.extra] = Documents.keep(posting, record)
  return finish(record, command)
end
