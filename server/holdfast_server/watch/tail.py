"""The end of the ledger as it was read last: what streams that are in step share."""

from __future__ import annotations

import bisect

from holdfast_server.watch.movements import MovementPage


class Tail:
    """Recent pages without a gap between them, up to so many movements; the oldest page goes first."""

    def __init__(self, max_movements: int) -> None:
        self._max_movements = max_movements
        self._pages: list[MovementPage] = []
        self._size = 0
        self._begin = 0

    @property
    def end(self) -> int:
        """The position up to which the ledger was read."""
        return self._pages[-1].reached if self._pages else self._begin

    def restart(self, position: int) -> None:
        """Forgets everything, and begins at a position."""
        self._pages.clear()
        self._size, self._begin = 0, position

    def add(self, page: MovementPage) -> bool:
        """Adds a page. Returns False for one that does not follow the last, as after a restart, or that is empty."""
        if page.after != self.end or page.reached == page.after:
            return False
        if self._pages:
            # Whoever still needs it writes it for itself: what was written for all is not kept twice over.
            self._pages[-1].told.clear()
        self._pages.append(page)
        self._size += _size_of(page)
        while self._size > self._max_movements and len(self._pages) > 1:
            self._size -= _size_of(self._pages.pop(0))
        return True

    def page_after(self, position: int) -> MovementPage | None:
        """Returns the page that holds what follows a position before the end; None if it is no longer kept."""
        at = bisect.bisect_right(self._pages, position, key=lambda page: page.reached)
        if at == len(self._pages) or self._pages[at].after > position:
            return None
        return self._pages[at]

    def is_newest(self, page: MovementPage) -> bool:
        """Says whether a page is the last one that was added."""
        return bool(self._pages) and self._pages[-1] is page


def _size_of(page: MovementPage) -> int:
    return max(1, len(page.movements))
