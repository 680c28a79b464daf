"""What the ledger tells the server processes, over Postgres NOTIFY in the transaction that it is about.

So a notice of a commit can never come before the commit, needs no second system, and reaches every server. A lost
notice is made good by reading the cursor.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from holdfast_server.records import SegmentState

# Postgres takes payloads below 8,000 bytes; an entry takes about 60.
_MAX_ENTRIES_PER_NOTICE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Where the ledger is. `entries` names every journal entry of the commit, as (position, chain hash)."""

    epoch: int
    position: int
    chain_hash: str
    state: SegmentState
    entries: tuple[tuple[int, str], ...] = ()

    def payload(self) -> str:
        """Returns the notice as the text of a NOTIFY."""
        return json.dumps(
            [self.epoch, self.position, self.chain_hash, int(self.state), self.entries], separators=(",", ":")
        )


def parse_notice(payload: str) -> Notice:
    """Returns the notice of a payload."""
    epoch, position, chain_hash, state, entries = json.loads(payload)
    return Notice(
        epoch=epoch,
        position=position,
        chain_hash=chain_hash,
        state=SegmentState(state),
        entries=tuple((last, hash_) for last, hash_ in entries),
    )


def commit_notices(epoch: int, state: SegmentState, entries: list[tuple[int, str]]) -> list[Notice]:
    """Returns the notices that name every entry of a commit, in order."""
    notices = []
    for start in range(0, len(entries), _MAX_ENTRIES_PER_NOTICE):
        part = entries[start : start + _MAX_ENTRIES_PER_NOTICE]
        position, chain_hash = part[-1]
        notices.append(
            Notice(
                epoch=epoch,
                position=position,
                chain_hash=chain_hash,
                state=state,
                entries=tuple(part),
            )
        )
    return notices


def notice_channel(segment: str) -> str:
    """Returns the name of the Postgres channel of a segment."""
    return f"holdfast_{segment}"
