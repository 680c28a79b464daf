"""`holdfast watch`: what may be sold, as it changes."""

import asyncio
import sys
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Annotated, Final

import typer

from holdfast_client.client import HoldfastClient
from holdfast_client.command import asking
from holdfast_client.command.watch_table import LiveTable
from holdfast_client.command.watch_views import JsonLines, PlainLines, Tables, View
from holdfast_client.policy import WatchPolicy
from holdfast_client.watching.events import InStep
from holdfast_client.watching.tokens import FileTokenStore, MemoryTokenStore

# A script must not wait for ever; whoever looks at a table may.
_OF_A_SCRIPT: Final = WatchPolicy(max_tries=10, max_backoff_seconds=2.0)
_OF_A_PERSON: Final = WatchPolicy(max_backoff_seconds=5.0)


def watch(
    *,
    skus: Annotated[
        list[str] | None, typer.Argument(metavar="SKU", help="The SKUs. Else all.", show_default=False)
    ] = None,
    channels: Annotated[
        list[str] | None, typer.Option("--channel", help="To this channel. May be given again.", show_default=False)
    ] = None,
    locations: Annotated[
        list[str] | None, typer.Option("--location", help="From this location. May be given again.", show_default=False)
    ] = None,
    until_synced: Annotated[
        bool, typer.Option("--until-synced", help="Print the numbers as they are now, and end.")
    ] = False,
    token_file: Annotated[
        Path | None,
        typer.Option("--token-file", metavar="FILE", help="Go on where the last watch with this file ended."),
    ] = None,
    target: asking.Target = None,
    as_json: asking.AsJson = False,
) -> None:
    """Watch what may be sold: every number as it is now, then each that changes. Ctrl-C ends it, with 0.

    On a terminal the numbers stand in a table that keeps itself current; elsewhere each change is a line. With --json a
    line has the event (changed, gone or reset), the numbers, and what caused them. With --token-file and an earlier
    watch, what changed since comes first, and no more than that.

    Example: holdfast watch --channel WEB --channel STORES 85123A 84029G

    Example: holdfast watch --location LONDON --until-synced --json
    """
    if not channels and not locations:
        raise typer.BadParameter("give a --channel or a --location")
    store = MemoryTokenStore() if token_file is None else FileTokenStore(token_file)
    view = _view(skus or (), as_json=as_json, until_synced=until_synced)

    async def show(client: HoldfastClient) -> int:
        events = client.watch_availability(
            channels=channels or (),
            locations=locations or (),
            skus=skus or (),
            store=store,
            policy=_OF_A_SCRIPT if until_synced else _OF_A_PERSON,
        )
        async with aclosing(events), view.shown():
            async for event in events:
                view.take(event)
                if until_synced and isinstance(event, InStep):
                    # The loop does not come back for more, so the watch itself will not save it.
                    await store.save(event.resume_token)
                    return 0
        raise AssertionError("a watch has no end")

    async def work(client: HoldfastClient) -> int:
        try:
            return await show(client)
        except OSError as error:
            if error.filename is None:
                raise  # Not the file's: whoever read the output has left, for one.
            asking.complain(f"{error.filename}: {error.strerror}")
            return 1
        except asyncio.CancelledError:
            if until_synced:
                raise
            # Ctrl-C is how a watch ends, and nothing else cancels it.
            _stay()
            return 0

    asking.ask(work, target=target, as_json=as_json)


def _view(skus: Sequence[str], *, as_json: bool, until_synced: bool) -> View:
    if as_json:
        return JsonLines()
    if until_synced:
        return Tables(skus)
    return LiveTable() if sys.stdout.isatty() else PlainLines()


def _stay() -> None:
    task = asyncio.current_task()
    if task is not None:
        task.uncancel()
