"""A token is kept whole, or the one before it is."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from holdfast_client import FileTokenStore, MemoryTokenStore, TokenStore


@pytest.mark.parametrize("kind", ["file", "memory"])
async def test_the_last_token_that_was_saved_is_the_one_that_is_loaded(kind: str, tmp_path: Path) -> None:
    store: TokenStore = FileTokenStore(tmp_path / "token") if kind == "file" else MemoryTokenStore()
    assert await store.load() == ""
    await store.save("token-1")
    await store.save("token-2")
    assert await store.load() == "token-2"


async def test_a_file_outlives_its_store_and_has_nothing_beside_it(tmp_path: Path) -> None:
    await FileTokenStore(tmp_path / "token").save("token-1")
    assert await FileTokenStore(str(tmp_path / "token")).load() == "token-1"
    assert os.listdir(tmp_path) == ["token"]


async def test_a_save_that_breaks_off_leaves_the_token_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = FileTokenStore(tmp_path / "token")
    await store.save("token-1")

    def fail(_: int) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="no space"):
        await store.save("token-2")
    assert await store.load() == "token-1"


async def test_a_token_is_on_the_disk_before_it_takes_the_place_of_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def note_fsync(descriptor: int) -> None:
        steps.append("folder synced" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file synced")
        fsync(descriptor)

    def note_replace(self: Path, target: Path) -> Path:
        steps.append("replaced")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", note_fsync)
    monkeypatch.setattr(Path, "replace", note_replace)
    await FileTokenStore(tmp_path / "token").save("token-1")
    assert steps == ["file synced", "replaced", "folder synced"]


async def test_a_folder_that_is_missing_is_said_before_anything_is_watched(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await FileTokenStore(tmp_path / "no-such-folder" / "token").load()
