"""Where a program keeps the token of its watch, so that it goes on there when it is started again."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Protocol


class TokenStore(Protocol):
    """Keeps the resume token of one watch. `load` is asked once, when the watch begins.

    `save` is only given a token once the caller has taken every event up to it. So after a crash the events since the
    last save come again: at least once, and as numbers are absolute that does no harm.

    In SQL, one row for each watch does:

        class SqlTokenStore:
            async def load(self) -> str:
                row = await connection.fetchrow("SELECT token FROM watch_token WHERE name = $1", name)
                return row["token"] if row else ""

            async def save(self, token: str) -> None:
                await connection.execute(
                    "INSERT INTO watch_token (name, token) VALUES ($1, $2) "
                    "ON CONFLICT (name) DO UPDATE SET token = excluded.token", name, token)

    If the numbers are written to the same database, leave the store out of the watch, and write the `resume_token` of
    each `InStep` in the transaction that writes the numbers before it: then both are there, or neither is.

    What a method raises ends the watch and is raised by it.
    """

    async def load(self) -> str:
        """The token that was saved last; empty if none was, and the watch begins with a snapshot."""
        ...

    async def save(self, token: str) -> None:
        """Keep the token. When this returns, it must survive what the store is to survive."""
        ...


class MemoryTokenStore:
    """Keeps the token as long as the program runs."""

    def __init__(self, token: str = "") -> None:
        self.token = token

    async def load(self) -> str:
        """The token that was saved last, or that the store was made with."""
        return self.token

    async def save(self, token: str) -> None:
        """Keep the token."""
        self.token = token


class FileTokenStore:
    """Keeps the token in a file of its own, which is whole at every moment. One file for one watch.

    A file that is missing is no token. A crash while saving leaves the token before.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)

    async def load(self) -> str:
        """Read the token.

        Raises:
            OSError: The file cannot be read, or its folder is missing.
        """
        return await asyncio.to_thread(self._read)

    async def save(self, token: str) -> None:
        """Write the token, so that it survives a loss of power.

        Raises:
            OSError: The file cannot be written.
        """
        await asyncio.to_thread(self._write, token)

    def _read(self) -> str:
        try:
            return self.path.read_text(encoding="ascii").strip()
        except FileNotFoundError:
            # Said now, and not when the whole snapshot has been taken and cannot be marked.
            if not self.path.parent.is_dir():
                raise
            return ""

    def _write(self, token: str) -> None:
        new = self.path.with_name(f"{self.path.name}.new")
        with new.open("w", encoding="ascii") as file:
            file.write(token + "\n")
            file.flush()
            os.fsync(file.fileno())
        new.replace(self.path)
        self._sync_folder()

    def _sync_folder(self) -> None:
        if os.name == "nt":
            return  # There a folder cannot be opened, and a rename is durable by itself.
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
