"""The hub: one per server process. Follows the ledger while anybody watches, and tells every watcher what changed.

A step takes what was committed since the last one, asks the sequencer once for each watched number that it may have
changed, and hands messages out: to as many watchers as a step allows, those first whose changes have waited longest.
Numbers come from the one place that computes them, and only once they are durable. The pace sets itself: while messages
are on their way to those who keep up, and while others have their turn, changes gather.

Promises: Ordered, Complete, Resumable, Convergent, Bookmarkable, Durable reads, Bounded. Knows revisions and watchers,
and nothing of gRPC, Redis or Postgres.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import structlog

from holdfast_server.refusals import HistoryRetired, LedgerUnavailable, LimitExceeded, Overloaded, Refusal, WatchEnded
from holdfast_server.settings import Settings
from holdfast_server.watch.changes import Catalogue, Causes, Key, LedgerHead
from holdfast_server.watch.filter import Index, WatchFilter
from holdfast_server.watch.group import Group, Parts
from holdfast_server.watch.life import max_age_seconds_of
from holdfast_server.watch.numbers import NumberReader, Numbers
from holdfast_server.watch.ports import Frames, Source
from holdfast_server.watch.token import FROM_THE_FUTURE, OTHER_FILTER, OTHER_LINEAGE, ResumeToken, TokenSigner
from holdfast_server.watch.touched import Touched, touched_by
from holdfast_server.watch.turns import Turns
from holdfast_server.watch.watcher import Delivery, Owed, Watcher, owe

log = structlog.get_logger("holdfast.watch")

_ROUND_SECONDS: Final = 1.0
_RETRY_SECONDS: Final = 0.2
_MICROSECONDS: Final = 1_000_000
# A preorder is released by the sequencer's clock; this server's may be a little ahead of it.
_RELEASE_MARGIN_US: Final = 1_000_000
# So many numbers are taken in before other work gets a turn.
_NUMBERS_PER_TURN: Final = 500

_Told = dict[Group, dict[Key, Causes]]


class AvailabilityHub:
    """Tells watchers of one segment what may be sold, as it changes."""

    def __init__(self, *, settings: Settings, source: Source, frames: Frames) -> None:
        self._settings = settings
        self._source = source
        self._frames = frames
        self._numbers = NumberReader(settings, source)
        self._signer: TokenSigner | None = None
        self._groups: dict[WatchFilter, Group] = {}
        self._index: Index[Group] = Index()
        self._watchers: dict[Watcher, Group] = {}
        self._turns = Turns(settings)
        self._steps = 0
        self._parts: Parts = {}
        self._catalogue = Catalogue()
        self._following = False
        # Counts how often the hub began to follow: what was read for one following is nothing to the next.
        self._following_number = 0
        self._begin = asyncio.Lock()
        self._head = LedgerHead("", 0, 0)
        # What was read of the ledger beyond that, and what it touched.
        self._reached = 0
        self._touched = Touched()
        # Up to when releases were looked at, and their SKUs that no step has looked at yet.
        self._released_us = 0
        self._due_skus: set[str] = set()
        self._heard = 0
        self._moved_on = asyncio.Event()
        self._news = asyncio.Event()
        self._is_stopping = False

    @property
    def position(self) -> int:
        """Whatever was committed up to here has been taken in: the groups have it, and their watchers will."""
        return self._head.position

    def notice(self, position: int) -> None:
        """Hears that the ledger has come to a position. Cheap: it is called for every commit."""
        is_new_history = position < self._heard
        self._heard = position
        if self._following and (position > self._reached or is_new_history):
            self._news.set()

    # Joining and leaving.

    async def watch(self, of: WatchFilter, resume_token: str) -> Watcher:
        """Returns a new watcher. The caller must bring it back by `leave`.

        Raises InvalidField for a token that nobody gave out, Overloaded if too many watch, WatchEnded if the server
        stops, and what the source raises.
        """
        signer = await self._follow()
        if self._is_stopping:
            raise WatchEnded("SHUTDOWN", resume_token)
        if len(self._watchers) >= self._settings.max_watchers:
            raise Overloaded("max_watchers", self._settings.max_watchers)
        token = signer.token_of(resume_token) if resume_token else None
        group = self._join(of)
        watcher = Watcher(
            tell_owed=lambda owed: self._tell_owed(group, owed),
            max_age_seconds=max_age_seconds_of(self._settings),
        )
        self._watchers[watcher] = group
        try:
            await self._greet(watcher, group, token, resume_token)
        except BaseException:
            self.leave(watcher)
            raise
        return watcher

    def leave(self, watcher: Watcher) -> None:
        """Takes a watcher out. Its group stays for a while: most of those who go come back."""
        group = self._watchers.pop(watcher, None)
        if group is not None:
            watcher.leave()
            group.leave(watcher)
            if not group.waiting:
                self._turns.remove(group)

    async def _follow(self) -> TokenSigner:
        """Begins to follow the ledger, if nobody watches yet."""
        async with self._begin:
            if self._signer is None:
                self._signer = TokenSigner(await self._source.token_key())
            if not self._following:
                self._released_us = int(time.time() * _MICROSECONDS)
                head = await self._source.head()
                self._catalogue = await self._source.catalogue(self._released_us)
                self._head, self._reached, self._touched = head, head.position, Touched()
                self._due_skus = set()
                self._following = True
                self._following_number += 1
            return self._signer

    def _join(self, of: WatchFilter) -> Group:
        group = self._groups.get(of)
        if group is None:
            self._make_room_for_a_filter()
            group = self._groups[of] = Group(of, self._frames)
            self._index.add(group, of)
        group.left_at = time.monotonic()
        return group

    def _make_room_for_a_filter(self) -> None:
        """Forgets the numbers of the filter that nobody has watched for longest, if there are too many filters."""
        if len(self._groups) < self._settings.max_filters:
            return
        in_use = set(self._watchers.values())
        left = [(group.left_at, of) for of, group in self._groups.items() if group not in in_use]
        if not left:
            raise Overloaded("max_filters", self._settings.max_filters)
        _, oldest = min(left, key=lambda one: one[0])
        self._forget(oldest, self._groups[oldest])

    def _token(self, group: Group) -> str:
        """Returns the token of where all watchers of a group are to whom nothing is owed."""
        assert self._signer is not None, "nobody watches"
        lineage, epoch, position = group.place(self._head)
        if group.token_position != position:
            token = ResumeToken(lineage=lineage, epoch=epoch, position=position, filter_digest=group.digest)
            group.token, group.token_position = self._signer.text_of(token), position
        return group.token

    # Beginning a watch.

    async def _greet(self, watcher: Watcher, group: Group, token: ResumeToken | None, resume_token: str) -> None:
        # Whoever changed something here and then watches finds it told.
        # What a step under way has read already, it has read without this filter.
        await self._come_to(max(self._heard, self._reached))
        reset = 0 if token is None else await self._why_reset(token, group)
        if token is not None and not reset:
            watcher.token = resume_token
            await self._resume(watcher, group, token)
            return
        await self._loaded(group)
        self._check_is_followed(group)
        # From here on nothing is awaited, so the snapshot and the place in the stream fit together. Numbers that change
        # while it is written, or that wait to be told, are told as they are then, and again after it.
        group.watchers.add(watcher)
        watcher.has_begun = True
        watcher.greet(Delivery(messages=self._beginning(group, reset, self._token(group)), token=self._token(group)))

    def _check_is_followed(self, group: Group) -> None:
        """Raises WatchEnded if the hub began anew while something was waited for: the group is of before."""
        if self._groups.get(group.of) is not group:
            raise WatchEnded("FAULT", "")

    def _beginning(self, group: Group, reset: int, token: str) -> Iterator[bytes]:
        position = group.place(self._head).position
        if reset:
            yield self._frames.reset(reset)
        yield from self._frames.snapshot(group.snapshot())
        yield self._frames.synced(token, position)

    async def _why_reset(self, token: ResumeToken, group: Group) -> int:
        """Returns why a watch cannot go on from a token; 0 if it can. Waits until this hub has come as far."""
        if token.lineage != self._head.lineage:
            if token.lineage and token.lineage == (await self._source.head()).lineage:
                # It is this hub that has not noticed yet.
                self._begin_anew("OTHER_LINEAGE")
                raise WatchEnded("OTHER_LINEAGE", "")
            return OTHER_LINEAGE
        if token.filter_digest != group.digest:
            return OTHER_FILTER
        if token.position > self.position:
            if token.position > (await self._source.head()).position:
                return FROM_THE_FUTURE
            await self._come_to(token.position)
        return 0

    async def _come_to(self, position: int) -> None:
        """Waits until the watchers have been told of whatever was committed up to a position, which is committed."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._settings.commit_wait_seconds):
                while position > self.position and self._following:
                    self._news.set()
                    await self._moved_on.wait()
        if position > self.position:
            raise LedgerUnavailable(self._settings.segment)

    async def _resume(self, watcher: Watcher, group: Group, token: ResumeToken) -> None:
        """Has a watcher told what changed since its token. What changes meanwhile is owed to it already."""
        if token.position > group.place(self._head).position:
            # This one was told what the others still wait for: then they are told at once, and it is not told again.
            await self._wake(self._hand_out([group])[0])
            self._check_is_followed(group)
        group.watchers.add(watcher)
        base = group.place(self._head).position
        if base - token.position > self._settings.watch_max_resume_operations:
            touched = Touched(scopes={scope: Causes() for scope in group.of.scopes})
        else:
            touched = await self._numbers.touched_since(group.of, token.position, base, self._catalogue)
        keys = await self._numbers.keys_of(touched, [group.of])
        for sku in await self._source.released_since(token.position):
            if group.of.skus is None or sku in group.of.skus:
                keys += [Key(sku, channel, "") for channel in group.of.channels]
        for key, (version, packed) in (await self._numbers.read(dict.fromkeys(keys))).items():
            group.take_aside(key, version, packed, told=self.position)
        self._check_is_followed(group)
        watcher.has_begun = True
        if keys:
            owed: dict[Key, Owed] = {}
            for key in keys:
                owe(owed, key, touched.causes_of(key), values=1, since=self._steps)
            watcher.owe(owed)
        else:
            watcher.mark(self._bookmark(group))

    async def _loaded(self, group: Group) -> None:
        """Waits until all numbers of a group are known. Raises what the source raised, or that too many there are."""
        task = self._begin_to_load(group)
        try:
            # Whoever gives up waiting does not take it away from the others.
            await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled():
                # It was taken away from all of them; a call must not end as if its caller had cancelled it.
                raise WatchEnded("FAULT", "") from None
            raise

    def _begin_to_load(self, group: Group) -> asyncio.Task[None]:
        if group.loaded is None:
            group.loaded = asyncio.create_task(self._load(group), name="watch-load")
            group.loaded.add_done_callback(lambda done: self._load_ended(group, done))
        return group.loaded

    @staticmethod
    def _load_ended(group: Group, task: asyncio.Task[None]) -> None:
        if task.cancelled() or task.exception() is not None:
            group.loaded = None  # The next one to come tries again.

    async def _load(self, group: Group) -> None:
        most = self._settings.max_numbers_per_filter
        async with self._numbers.long_reads:
            for scope in group.of.scopes:
                async for keys in self._numbers.every_key(group.of, scope):
                    for key, (version, packed) in (await self._numbers.read(keys)).items():
                        group.take_aside(key, version, packed, told=self.position)
                    if group.number_count > most:
                        raise LimitExceeded("max_numbers_per_filter", most)

    # Telling what changed.

    async def run(self) -> None:
        """Follows the ledger until cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._take_in_for_ever(), name="watch-take-in")
                tasks.create_task(self._hand_out_for_ever(), name="watch-hand-out")
                tasks.create_task(self._look_after_for_ever(), name="watch-look-after")
        finally:
            self._numbers.stop()
            for group in self._groups.values():
                if group.loaded is not None:
                    group.loaded.cancel()

    async def _take_in_for_ever(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            began = time.monotonic()
            try:
                await self._take_in_news()
            except HistoryRetired:
                self._begin_anew("FAULT")  # It stood still for so long that what it has not read is gone.
            except Refusal as refusal:
                log.info("watch_waits", segment=self._settings.segment, reason=type(refusal).__name__)
                await asyncio.sleep(_RETRY_SECONDS)
                self._news.set()
            except Exception:
                # Nobody foresaw this one. It ends the watches, which begin anew, and not the server.
                log.exception("watch_fault", segment=self._settings.segment)
                self._begin_anew("FAULT")
            await asyncio.sleep(max(0.0, began + self._settings.watch_step_seconds - time.monotonic()))

    async def _hand_out_for_ever(self) -> None:
        """Tells what was taken in, also while nothing more can be taken in."""
        while True:
            await self._turns.wait()
            began = time.monotonic()
            try:
                woken, kept_up = self._hand_out(self._turns.next())
                await self._wake(woken)
            except Exception:
                log.exception("watch_fault", segment=self._settings.segment)
                self._begin_anew("FAULT")
            else:
                await self._turns.end_portion(began, kept_up)

    async def _take_in_news(self) -> None:
        """Takes in what was committed since the last time, for every group that watches it."""
        if not self._following:
            return
        changes = await self._source.changes_after(self._reached, self._settings.watch_operations_per_step)
        if changes.lineage != self._head.lineage:
            log.warning("watched_history_ended", segment=self._settings.segment)
            self._begin_anew("OTHER_LINEAGE")
            return
        number = self._following_number
        before = self._catalogue
        if changes.rules or changes.items or changes.places:
            self._catalogue = await self._source.catalogue(self._released_us)
        self._touched.merge(touched_by(changes, self._catalogue, self._index, before=before))
        self._touch_what_is_due()
        self._reached = changes.reached
        if changes.reached < changes.head:
            self._news.set()
        touched = self._touched
        groups = {group for scope in touched.scopes for group in self._index.groups_of_scope(scope)}
        numbers = await self._numbers.read(await self._numbers.keys_of(touched, [group.of for group in groups]))
        told = await self._take_in(numbers, touched, changes.reached)
        if number != self._following_number or not self._following:
            return
        # Nothing is awaited here, so that what waits and where everybody is fit together.
        self._touched = Touched()
        self._steps += 1
        self._parts = {}
        for group, keys in told.items():
            if group.watchers:
                group.wait(keys, told=self._head, step=self._steps)
                self._turns.add(group)
        self._head = LedgerHead(changes.lineage, changes.epoch, changes.reached)
        self._moved_on.set()
        self._moved_on = asyncio.Event()

    def _touch_what_is_due(self) -> None:
        """Touches the numbers whose backorder cap has changed by itself."""
        due, self._due_skus = self._due_skus, set()
        for channel, location in self._index.scopes():
            for sku in due:
                if channel and self._index.is_watched(key := Key(sku, channel, location)):
                    self._touched.maybe.setdefault(key, Causes())

    async def _take_in(self, numbers: Numbers, touched: Touched, reached: int) -> _Told:
        """Takes in numbers, and returns what each group is to be told. Others get a turn in between."""
        told: _Told = {}
        for number, (key, (version, packed)) in enumerate(numbers.items(), start=1):
            causes = touched.causes_of(key)
            for group in self._index.groups(key):
                if group.take_to_tell(key, version, packed, reached=reached) or key in touched.certain:
                    told.setdefault(group, {})[key] = causes
            if number % _NUMBERS_PER_TURN == 0:
                await asyncio.sleep(0)
        return told

    def _hand_out(self, groups: Iterable[Group]) -> tuple[list[Watcher], list[Watcher]]:
        """Offers the watchers of groups what waits for them.

        Returns those who were offered something, to be woken; and those of them who had taken all before.
        """
        woken: list[Watcher] = []
        kept_up: list[Watcher] = []
        for group in groups:
            keys = group.waiting
            parts = group.changes(keys, self._parts) if group.watchers else []
            # What could fail is done. From here on it does not wait any more.
            group.waiting = {}
            self._turns.remove(group)
            token = self._token(group)
            delivery = Delivery(messages=self._frames.changes(parts, token, self.position), token=token, keys=keys)
            for watcher in group.watchers:
                if watcher.is_idle:
                    kept_up.append(watcher)
                watcher.offer(delivery)
                woken.append(watcher)
        return woken, kept_up

    async def _wake(self, watchers: list[Watcher]) -> None:
        for watcher in watchers:
            watcher.wake()
            # Writing a message costs a stream about 0.1 ms: other work gets a turn after each.
            await asyncio.sleep(0)

    def _tell_owed(self, group: Group, owed: Mapping[Key, Owed]) -> Delivery:
        token, place = self._token(group), group.place(self._head)
        return Delivery(messages=self._frames.changes(group.owed(owed), token, place.position), token=token)

    # Looking after.

    async def _look_after_for_ever(self) -> None:
        while True:
            await asyncio.sleep(_ROUND_SECONDS)
            try:
                await self._look_after(time.monotonic())
            except Exception:
                log.exception("watch_fault", segment=self._settings.segment)
                self._begin_anew("FAULT")

    async def _look_after(self, now: float) -> None:
        bookmarks: dict[Group, Delivery] = {}
        woken = []
        for watcher, group in list(self._watchers.items()):
            is_free = watcher.look_after(now, self._settings) and watcher.has_begun
            if is_free and now - watcher.idle_since > self._settings.watch_bookmark_seconds:
                if group not in bookmarks:
                    bookmarks[group] = self._bookmark(group)
                watcher.mark(bookmarks[group])
                woken.append(watcher)
        await self._wake(woken)
        self._forget_groups(now)
        self._release(int(time.time() * _MICROSECONDS))
        for group in set(self._watchers.values()):
            # Whoever was resumed did not wait for all numbers; they are needed when a whole channel changes.
            self._begin_to_load(group)

    def _bookmark(self, group: Group) -> Delivery:
        token, place = self._token(group), group.place(self._head)
        return Delivery(messages=[self._frames.bookmark(token, place.position)], token=token)

    def _forget_groups(self, now: float) -> None:
        in_use = set(self._watchers.values())
        for of, group in list(self._groups.items()):
            if group not in in_use and now - group.left_at > self._settings.watch_linger_seconds:
                self._forget(of, group)
        if not self._groups and not self._watchers:
            self._following = False

    def _forget(self, of: WatchFilter, group: Group) -> None:
        if group.loaded is not None:
            group.loaded.cancel()
        self._turns.remove(group)
        self._index.remove(group, of)
        del self._groups[of]

    def _release(self, now_us: int) -> None:
        """Notes the SKUs whose backorder cap has changed by itself, a moment after that, since clocks differ."""
        until_us = now_us - _RELEASE_MARGIN_US
        due = {sku for time_us, sku in self._catalogue.releases if self._released_us < time_us <= until_us}
        if self._following and until_us > self._released_us:
            self._released_us = until_us
            if due:
                self._due_skus |= due
                self._news.set()

    def _begin_anew(self, cause: str) -> None:
        """Ends every watch, and forgets what was told."""
        self._end_all(cause)
        for of, group in list(self._groups.items()):
            group.watchers.clear()
            self._forget(of, group)
        self._following = False
        self._moved_on.set()
        self._moved_on = asyncio.Event()

    def stop(self) -> None:
        """Ends every watch with its token, and lets no new one begin."""
        self._is_stopping = True
        self._end_all("SHUTDOWN")

    def _end_all(self, cause: str) -> None:
        for watcher in self._watchers:
            watcher.end(lambda token: WatchEnded(cause, token))
