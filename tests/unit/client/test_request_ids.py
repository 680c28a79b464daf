"""A request id is a UUIDv7 that carries its time and never goes back."""

import threading
import time
import uuid

import pytest

from holdfast_client import new_request_id


def test_an_id_is_a_uuid_of_version_7() -> None:
    made = uuid.UUID(new_request_id())
    assert (made.version, made.variant) == (7, uuid.RFC_4122)


def test_an_id_carries_the_time_of_its_making(monkeypatch: pytest.MonkeyPatch) -> None:
    # Later than any id that this process made before, so that the order of ids does not move it.
    moment = time.time_ns() // 1_000_000 + 86_400_000
    monkeypatch.setattr("holdfast_client.request_ids._last_tick", 0)
    monkeypatch.setattr(time, "time_ns", lambda: moment * 1_000_000 + 999_999)
    assert uuid.UUID(new_request_id()).int >> 80 == moment


def test_ids_rise_although_the_clock_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("holdfast_client.request_ids._last_tick", 0)
    moments = iter([5_000_000_000, 5_000_000_000, 4_000_000_000, 1, 6_000_000_000])
    monkeypatch.setattr(time, "time_ns", lambda: next(moments))
    ids = [new_request_id() for _ in range(5)]
    assert ids == sorted(ids)
    assert len(set(ids)) == 5


def test_ids_of_many_threads_differ_and_rise_within_each() -> None:
    made: list[list[str]] = [[] for _ in range(4)]

    def make(into: list[str]) -> None:
        into.extend(new_request_id() for _ in range(2_000))

    threads = [threading.Thread(target=make, args=(into,)) for into in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(ids == sorted(ids) for ids in made)
    ticks = [uuid.UUID(id_).int >> 64 for ids in made for id_ in ids]
    assert len(set(ticks)) == len(ticks)
