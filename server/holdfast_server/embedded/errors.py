"""What can go wrong with the embedded servers, one type per remedy.

The message of each is one line that says what is wrong and what to do; nothing more needs to be printed.
"""

from pathlib import Path

# The remedy that is left when a data directory cannot be used.
ELSEWHERE = "choose another data directory (HOLDFAST_DATA_DIRECTORY)"


# How Postgres says that the disk is full: when nothing could be written, and when only a part could.
_FULL_DISK = ("No space left on device", "Check free disk space")


def names_full_disk(output: str) -> bool:
    """Whether the output of a program says so; what else it says is then only a consequence."""
    return any(words in output for words in _FULL_DISK)


class EmbeddedError(Exception):
    """An embedded server cannot be run. The message is one clear line."""


class ServerMissing(EmbeddedError):
    """Neither a wheel nor the PATH has a usable server program."""


class DataDirectoryBusy(EmbeddedError):
    """Another process runs the servers of this data directory."""

    def __init__(self, data_directory: Path, holder_pid: int | None) -> None:
        holder = "another process" if holder_pid is None else f"process {holder_pid}"
        super().__init__(f"{data_directory} is in use by {holder}: stop it first, or {ELSEWHERE}")
        self.holder_pid = holder_pid


class DataDirectoryUnusable(EmbeddedError):
    """The data directory cannot be made, read, owned or reached by the user that the servers run as."""


class OtherMajorVersion(EmbeddedError):
    """The database was made by a major version of Postgres that is not here."""


class DiskFull(EmbeddedError):
    """There is not enough room for the database."""

    def __init__(self, path: Path, *, free_bytes: int, required_bytes: int) -> None:
        super().__init__(
            f"the disk of {path} is full: {free_bytes // 2**20} MiB are free, Postgres needs"
            f" {required_bytes // 2**20} MiB; make room, or {ELSEWHERE}"
        )
        self.required_bytes = required_bytes


class PortTaken(EmbeddedError):
    """Another program listens on the port."""

    def __init__(self, server: str, port: int) -> None:
        super().__init__(f"{server} cannot start: port {port} of 127.0.0.1 is taken by another program")


class StartFailed(EmbeddedError):
    """A server program ended, or did not get ready in time. The message names its log file."""
