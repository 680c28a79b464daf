"""The bare reserve script, driven over a pipeline that is never empty: what a decision costs with nothing around it.

Calls go out in pieces; the next piece is sent before the replies to the last one are read, so Valkey always has work.
Every reply has the same length, so replies are compared as bytes and cost the driver next to nothing.
"""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Iterator
from importlib import resources

from holdfast_loadtest.demand import SPREAD_SKUS
from holdfast_loadtest.tally import Tally
from holdfast_loadtest.task import Outcome, Task
from holdfast_loadtest.valkey_wire import ValkeyConnection, ValkeyError, packed

CALLS_PER_RESERVATION = 15
"""The commands within the script."""

_NAMES = ("epoch", "head", "journal", "levels", "reservations", "due", "outcomes", "channels", "pools", "sums")
_KEYS = tuple(f"lean:{{main}}:{name}" for name in _NAMES)
_KEY = dict(zip(_NAMES, _KEYS, strict=True))
# A level of version 1 with all units on hand and none reserved, packed as MessagePack.
_UNITS = b"\xcf" + (1_000_000_000_000).to_bytes(8, "big")
_LEVEL = b"\x93\x01" + _UNITS + b"\x00"
# What the pool has of it, and the pool's one location.
_SUM = b"\x91" + _UNITS
_POOL = b"\x91\xa4MAIN"
_TAKEN = b":1\r\n"
_ID_LENGTH = 27
_READ_BYTES = 65_536


def set_up(port: int) -> None:
    """Empties a bare Valkey and stocks it up."""
    with ValkeyConnection(port) as valkey:
        valkey.call("FLUSHALL")
        for sku in SPREAD_SKUS:
            valkey.call("HSET", _KEY["levels"], f"{sku}|MAIN", _LEVEL)
            valkey.call("HSET", _KEY["sums"], f"ALL|{sku}", _SUM)
        valkey.call("SET", _KEY["epoch"], "1")
        valkey.call("HSET", _KEY["head"], "position", 0, "hash", "0" * 40)
        valkey.call("HSET", _KEY["channels"], "WEB", "ALL")
        valkey.call("HSET", _KEY["pools"], "ALL", _POOL)


def drive(task: Task) -> Outcome:
    """Runs the script for the time of a task, `batch_size` calls to a piece."""
    cpu_before = time.process_time()
    with ValkeyConnection(task.port) as valkey:
        pieces = _pieces(_loaded(valkey), task)
        tally = Tally.of(task)
        valkey.socket.sendall(next(pieces))
        while (asked_at := time.perf_counter()) < tally.to_time:
            valkey.socket.sendall(next(pieces))
            _take_replies(valkey, task.batch_size)
            tally.acknowledged += task.batch_size
            tally.answered(task.batch_size, asked_at)
        _take_replies(valkey, task.batch_size)
        tally.acknowledged += task.batch_size
    return tally.outcome(client_cpu_seconds=time.process_time() - cpu_before)


def _loaded(valkey: ValkeyConnection) -> bytes:
    """Loads the script and returns its digest."""
    source = resources.files("holdfast_loadtest.baselines").joinpath("lean_reserve.lua").read_bytes()
    digest = valkey.call("SCRIPT", "LOAD", source)
    assert isinstance(digest, bytes)
    return digest


def _pieces(digest: bytes, task: Task) -> Iterator[bytes]:
    """Yields calls for ever, packed, a piece at a time, each with a reservation id of its own."""
    sku_length = len(SPREAD_SKUS[0])
    call = packed("EVALSHA", digest, len(_KEYS), *_KEYS, "s" * sku_length, 1, "r" * _ID_LENGTH)
    call = call.replace(b"s" * sku_length, b"%b").replace(b"r" * _ID_LENGTH, b"%%0%dd" % _ID_LENGTH)
    skus = [sku.encode() for sku in SPREAD_SKUS]
    draw = random.Random(task.seed)
    numbers = itertools.count(time.time_ns())
    while True:
        drawn = draw.choices(skus, k=task.batch_size)
        yield b"".join([call % pair for pair in zip(drawn, numbers, strict=False)])


def _take_replies(valkey: ValkeyConnection, count: int) -> None:
    """Reads the replies to one piece; each must say that the unit was set aside."""
    missing = count * len(_TAKEN)
    parts = []
    while missing > 0:
        part = valkey.socket.recv(min(missing, _READ_BYTES))
        if not part:
            raise ValkeyError("Valkey closed the connection")
        parts.append(part)
        missing -= len(part)
    if b"".join(parts) != _TAKEN * count:
        raise ValkeyError("the lean script refused, or failed")
