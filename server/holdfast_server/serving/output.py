"""What a server says to the person who started it."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from holdfast_server.settings import Settings


def progress(line: str) -> None:
    """Prints one line about a long step, for the person who waits for it."""
    print(f"holdfast: {line}", flush=True)  # noqa: T201 - what is printed here is the user's to read


def welcome(address: str, where: Iterable[str]) -> None:
    """Says that a server is ready, what runs where, and three commands to try."""
    for line in where:
        progress(line)
    progress(f"listening on {address}")
    command = Path(sys.executable).parent / "holdfast"
    port = int(address.rpartition(":")[2])
    target = "" if port == Settings.model_fields["port"].default else f" --target {address}"
    progress("try, in another terminal:")
    for words in (
        f"availability LAST-ONE --channel WEB{target}",
        f"reserve LAST-ONE=1 --channel WEB --commit{target}",
        f"verify{target}",
    ):
        progress(f"    {command} {words}")
