"""The log file of one server: appended to by the child, kept below a bound by the supervisor."""

import contextlib
import os
import shutil
from pathlib import Path

# Twice this much is kept: the file and the one before it.
LIMIT_BYTES = 8 * 2**20

# An explanation of a failed start is looked for in this much of the end.
TAIL_BYTES = 32 * 2**10


class BoundedLog:
    """A file that is opened for appending, so it can be emptied while the child goes on writing to it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._mark_bytes = 0

    def open(self) -> int:
        """A descriptor for the child's output, to be closed by the caller. Marks where this run begins."""
        self.trim()
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._mark_bytes = os.fstat(descriptor).st_size
        return descriptor

    def trim(self) -> None:
        """Moves a file over the bound to the one before it. May lose lines that are written just then."""
        if not self.path.exists() or self.path.stat().st_size <= LIMIT_BYTES:
            return
        with contextlib.suppress(OSError):  # On a full disk the old lines are what can best be spared.
            shutil.copyfile(self.path, self.path.with_name(self.path.name + ".1"))
        os.truncate(self.path, 0)
        self._mark_bytes = 0

    def lines_of_this_run(self) -> list[str]:
        """The last lines that the child wrote since the log was opened for it."""
        try:
            with self.path.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(self._mark_bytes, size - TAIL_BYTES))
                return file.read().decode(errors="replace").splitlines()
        except OSError:
            return []
