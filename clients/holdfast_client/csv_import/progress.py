"""Shows how far a long piece of work is: a bar on a terminal, a plain line now and then elsewhere.

The work is looked at, a bounded number of times a second; it does not know that it is shown.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

REFRESHES_PER_SECOND = 4
SECONDS_PER_LINE = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class HowFar:
    """A look at the work. `done` and `total` are None where there is nothing to count, or no end is known."""

    stage: str
    done: int | None = None
    total: int | None = None
    remark: str = ""


@asynccontextmanager
async def progress_shown(look: Callable[[], HowFar], *, quiet: bool = False) -> AsyncIterator[None]:
    """Shows the work on the standard error output for as long as the block runs."""
    console = Console(stderr=True)
    if quiet:
        yield
        return
    show = _bar if console.is_terminal else _lines
    showing = asyncio.create_task(show(look, console))
    try:
        yield
    finally:
        showing.cancel()
        await asyncio.gather(showing, return_exceptions=True)


async def _bar(look: Callable[[], HowFar], console: Console) -> None:
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[remark]}", markup=False),
    )
    with Progress(*columns, console=console, transient=True, auto_refresh=False) as progress:
        bar = progress.add_task("", remark="", total=None)
        while True:
            now = look()
            progress.update(bar, description=now.stage, completed=now.done or 0, total=now.total, remark=now.remark)
            progress.refresh()
            await asyncio.sleep(1 / REFRESHES_PER_SECOND)


async def _lines(look: Callable[[], HowFar], console: Console) -> None:
    while True:
        # Work that is done sooner needs no such line.
        await asyncio.sleep(SECONDS_PER_LINE)
        now = look()
        counted = f": {now.done:,}" if now.done is not None else ""
        of = f" of {now.total:,}" if now.total is not None else ""
        remark = f"; {now.remark}" if now.remark else ""
        console.print(Text(f"{now.stage}{counted}{of}{remark}"), soft_wrap=True)
        sys.stderr.flush()
