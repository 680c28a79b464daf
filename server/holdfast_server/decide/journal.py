"""The Redis side of the journal: what the ledger writer reads and marks. Implements ledger.journal.Journal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import redis

from holdfast_server import layouts
from holdfast_server.decide.keys import SegmentKeys
from holdfast_server.decide.script import COMMITTED, load_script
from holdfast_server.ledger.journal import JournalEntry, SequencerLost, SequencerState
from holdfast_server.settings import Settings

_Answer = TypeVar("_Answer")

# An entry holds at most the operations of one tick, so this many entries are read at most in one piece.
_ENTRIES_PER_READ = 64


class RedisJournal:
    """The journal of one segment, over one synchronous connection that belongs to the ledger writer."""

    def __init__(self, *, settings: Settings, connection: redis.Redis) -> None:
        self._settings = settings
        self._redis = connection
        self._committed = load_script(COMMITTED)

    def _keys(self, epoch: int) -> SegmentKeys:
        return SegmentKeys(segment=self._settings.segment, epoch=epoch)

    def state(self) -> SequencerState | None:
        """Returns what is open, or None if nothing is."""

        def ask() -> SequencerState | None:
            open_epoch: Any = self._redis.get(self._keys(0).open_epoch)
            if open_epoch is None:
                return None
            epoch = int(open_epoch)
            values: Any = self._redis.hmget(self._keys(epoch).head, "format", "position", "committed", "hash")
            *numbers, chain_hash = values
            if None in values or not all(map(bytes.isdigit, numbers)) or int(numbers[0]) != layouts.SCRIPT_FORMAT:
                return SequencerState(open_epoch=epoch, position=-1, chain_hash="", committed=-1)
            _, position, committed = map(int, numbers)
            return SequencerState(
                open_epoch=epoch, position=position, chain_hash=chain_hash.decode(), committed=committed
            )

        return self._guarded(ask)

    def read_after(
        self, epoch: int, position: int, *, wait_seconds: float, committed: bool = False
    ) -> list[JournalEntry]:
        """Returns entries of the epoch after the position, in order, waiting for the first one if there is none yet."""

        def ask() -> list[JournalEntry]:
            entries: list[JournalEntry] = []
            after = position
            commands = [self._mark(epoch, position)] if committed else []
            block_ms = int(wait_seconds * 1000)
            while after - position < self._settings.max_operations_per_commit:
                *marked, answer = self._ask(*commands, self._read(epoch, after, block_ms))
                if marked and isinstance(marked[0], redis.exceptions.NoScriptError):
                    self.mark_committed(epoch, position)
                commands, block_ms = [], 0
                found = answer[0][1] if answer else []
                for entry_id, fields in found:
                    after = int(entry_id.split(b"-")[0])
                    named = dict(zip(fields[::2], fields[1::2], strict=True))
                    entries.append(
                        JournalEntry(last_position=after, chain_hash=named[b"h"].decode(), packed=named[b"e"])
                    )
                if len(found) < _ENTRIES_PER_READ:
                    break
            return entries

        return self._guarded(ask)

    def mark_committed(self, epoch: int, position: int) -> None:
        """Makes room in the backlog, and trims the journal to its tail behind the committed position."""

        def tell() -> None:
            (answer,) = self._ask(self._mark(epoch, position))
            if isinstance(answer, redis.exceptions.NoScriptError):
                self._redis.eval(self._committed.source, *self._mark(epoch, position)[2:])

        self._guarded(tell)

    def _mark(self, epoch: int, position: int) -> tuple[Any, ...]:
        keys = self._keys(epoch)
        keep_from = max(0, position - self._settings.journal_tail_operations)
        named = (3, keys.open_epoch, keys.head, keys.journal)
        return "EVALSHA", self._committed.digest, *named, str(epoch), str(position), str(keep_from)

    def _read(self, epoch: int, after: int, block_ms: int) -> tuple[Any, ...]:
        block = ("BLOCK", block_ms) if block_ms else ()
        return "XREAD", "COUNT", _ENTRIES_PER_READ, *block, "STREAMS", self._keys(epoch).journal, f"{after}-0"

    def _ask(self, *commands: tuple[Any, ...]) -> list[Any]:
        """Sends commands in one piece, and returns their answers as they came; that a script is unknown is one.

        What a client does around each command, and around a pipeline, costs the writer more than the commands.
        """
        pool = self._redis.connection_pool
        connection: Any = pool.get_connection()
        try:
            connection.send_packed_command(connection.pack_commands(commands))
            answers = []
            for _ in commands:
                try:
                    answers.append(connection.read_response())
                except redis.exceptions.NoScriptError as error:
                    answers.append(error)
        except BaseException:
            # Answers that nobody has read must not be taken for those of the next commands.
            connection.disconnect()
            raise
        finally:
            pool.release(connection)
        return answers

    def _guarded(self, call: Callable[[], _Answer]) -> _Answer:
        try:
            return call()
        except redis.RedisError as error:
            # After a failover the name may lead to another server by now.
            self._redis.connection_pool.disconnect()
            raise SequencerLost(f"{type(error).__name__}: {error}") from error
