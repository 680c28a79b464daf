"""What other systems have booked of a reservation."""

from model import requests, words
from model.state import State
from model.words import Answer, Document


def note(state: State, request: requests.NotePosting) -> Answer:
    posting = Document(
        kind=words.POSTING,
        document_id=f"{state.segment}-posting-{state.position}",
        state=words.NOTED,
        origin=request.system,
        order_id=state.reservation(request.reservation_id).order_id,
        reservation_id=request.reservation_id,
        expected_time=request.booked_time.us if request.booked_time else 0,
        create_time=state.now,
        seen_position=request.booked_revision.position if request.booked_revision else 0,
        note=request.document,
    )
    return Answer(document=state.keep_document(posting))
