"""Who the servers run as, and what that user can reach.

Postgres refuses to run as root. When we are root (a container, `sudo make run`), both servers run as an
unprivileged user; when we are not, they run as ourselves.
"""

import os
import pwd
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from holdfast_server.embedded.errors import ELSEWHERE, DataDirectoryUnusable

# Every Linux and macOS has it; it owns nothing, so whoever breaks into a server gains nothing.
UNPRIVILEGED_USER = "nobody"

ROOT_UID = 0


class SpawnAs(TypedDict, total=False):
    """The arguments of subprocess.Popen that change the user; empty when the user stays."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The user that both servers run as."""

    uid: int
    gid: int
    name: str

    @property
    def is_other(self) -> bool:
        """Whether it differs from the user of this process (then this process is root)."""
        return self.uid != os.geteuid()

    def spawn_arguments(self) -> SpawnAs:
        if not self.is_other:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def can_enter(self, directory: Path) -> bool:
        """Whether the user can go through this directory and all its parents, by their modes."""
        if not self.is_other:
            return True  # We are in; modes do not show all that can have let us in (groups, access lists).
        return all(
            self._has(os.stat(each), stat.S_IXUSR, stat.S_IXGRP, stat.S_IXOTH) for each in _and_parents(directory)
        )

    def can_read(self, file: Path) -> bool:
        """Whether the mode of the file itself lets the user read it; executables must be executable too."""
        status = os.stat(file)
        readable = self._has(status, stat.S_IRUSR, stat.S_IRGRP, stat.S_IROTH)
        if not status.st_mode & stat.S_IXUSR:
            return readable
        return readable and self._has(status, stat.S_IXUSR, stat.S_IXGRP, stat.S_IXOTH)

    def own(self, path: Path) -> None:
        """Gives a path to the user. Raises DataDirectoryUnusable on file systems without owners."""
        if not self.is_other:
            return
        try:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)
        except OSError as error:
            raise DataDirectoryUnusable(
                f"cannot give {path} to user {self.name} ({error.strerror}): run holdfast as an ordinary"
                f" user, or {ELSEWHERE}"
            ) from error

    def own_tree(self, top: Path) -> None:
        """Gives a whole tree to the user, the top last: a crash half-way is seen by the owner of the top."""
        for folder, _, files in os.walk(top, topdown=False):
            for name in files:
                self.own(Path(folder, name))
            self.own(Path(folder))

    def _has(self, status: os.stat_result, by_owner: int, by_group: int, by_others: int) -> bool:
        if status.st_uid == self.uid:
            return bool(status.st_mode & by_owner)
        if status.st_gid == self.gid:
            return bool(status.st_mode & by_group)
        return bool(status.st_mode & by_others)


def choose_identity(owner_uid: int | None) -> Identity:
    """The user to run as. `owner_uid` is the owner of a database that already exists, None without one.

    A database keeps its owner: one made by an ordinary user still runs as that user under root.
    Raises DataDirectoryUnusable when the database belongs to somebody whom we cannot become.
    """
    own_uid = os.geteuid()
    if own_uid != ROOT_UID:
        if owner_uid not in (None, own_uid):
            raise DataDirectoryUnusable(
                f"the database belongs to user {_user_name(owner_uid)}: run holdfast as that user or as root,"
                f" or {ELSEWHERE}"
            )
        return Identity(uid=own_uid, gid=os.getegid(), name=_user_name(own_uid))
    try:
        # A tree that root copied belongs to root; it is given to the unprivileged user again.
        user = pwd.getpwuid(owner_uid) if owner_uid else pwd.getpwnam(UNPRIVILEGED_USER)
    except KeyError as error:
        raise DataDirectoryUnusable(
            f"Postgres cannot run as root and there is no user {owner_uid or UNPRIVILEGED_USER} to run it as:"
            " run holdfast as an ordinary user"
        ) from error
    return Identity(uid=user.pw_uid, gid=user.pw_gid, name=user.pw_name)


def _and_parents(directory: Path) -> Iterator[Path]:
    yield directory
    yield from directory.parents


def _user_name(uid: int | None) -> str:
    if uid is None:
        return UNPRIVILEGED_USER
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
