"""Copies bundled programs to where an unprivileged user can reach them.

Needed when root runs a clone below a folder that only root may enter (/root): the programs lie in the clone's
virtual environment, and a process that gave up root could not even start them.
"""

import hashlib
import os
import shutil
from dataclasses import replace
from pathlib import Path

from holdfast_server.embedded.binaries import Bundle, PostgresProgram, ValkeyProgram
from holdfast_server.embedded.errors import DataDirectoryUnusable
from holdfast_server.embedded.identity import Identity


def reachable_postgres(program: PostgresProgram, identity: Identity, copies: Path) -> PostgresProgram:
    """The program itself if the user can run it, else a copy below `copies`, made once per wheel."""
    if _usable(program.folder, program.bundle, identity):
        return program
    folder = _copied(program.bundle, identity, copies / "postgres", program.folder)
    return replace(program, folder=folder, bundle=None)


def reachable_valkey(program: ValkeyProgram, identity: Identity, copies: Path) -> ValkeyProgram:
    """As for Postgres."""
    if _usable(program.executable.parent, program.bundle, identity):
        return program
    executable = _copied(program.bundle, identity, copies / "valkey", program.executable)
    return replace(program, executable=executable, bundle=None)


def _usable(folder: Path, bundle: Bundle | None, identity: Identity) -> bool:
    if not identity.can_enter(folder):
        return False
    # A wheel that root installed under a strict umask can have unreadable files anywhere.
    return bundle is None or all(identity.can_read(path) for part in bundle.parts for path in _tree(bundle.root / part))


def _tree(top: Path) -> list[Path]:
    return [top, *top.rglob("*")]


def _copied(bundle: Bundle | None, identity: Identity, copies: Path, wanted: Path) -> Path:
    """The path of `wanted` inside a copy of the bundle, below `copies`, where older ones are removed.

    A crash half-way leaves a temporary folder, which the next call removes.
    """
    if bundle is None:
        raise DataDirectoryUnusable(
            f"user {identity.name} cannot reach {wanted}: run holdfast as an ordinary user, or install the"
            " bundled servers (pip install 'holdfast[embedded]')"
        )
    copy = copies / _fingerprint(bundle)
    if not copy.exists():
        shutil.rmtree(copies, ignore_errors=True)
        temporary = copy.with_suffix(".new")
        for part in bundle.parts:
            _copy(bundle.root / part, temporary / part)
        for path in _tree(temporary):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
        for folder in (copies, copies.parent):
            folder.chmod(0o755)
        temporary.rename(copy)
    return copy / wanted.relative_to(bundle.root)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True)
    else:
        shutil.copy2(source, target)


def _fingerprint(bundle: Bundle) -> str:
    """Names the content of a bundle well enough to see a wheel that was upgraded in place."""
    digest = hashlib.sha256()
    for part in bundle.parts:
        status = (bundle.root / part).stat()
        digest.update(f"{part} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:16]
