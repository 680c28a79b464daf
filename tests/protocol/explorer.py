"""A breadth-first walk through every reachable state. Knows nothing of the protocol.

Breadth first, so the first broken promise found is one with a shortest trace.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

StateT = TypeVar("StateT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """A broken promise and a shortest way to it."""

    promise: str
    reason: str
    trace: tuple[str, ...]

    def __str__(self) -> str:
        steps = "\n".join(f"  {number}. {step}" for number, step in enumerate(self.trace, 1))
        return f"{self.promise}: {self.reason}\n{steps}"


@dataclass(slots=True, kw_only=True)
class Exploration:
    """What was visited, the names of the steps met, and the first broken promise if there is one."""

    states: int = 0
    steps: int = 0
    depth: int = 0
    seconds: float = 0.0
    broken: Broken | None = None
    names: set[str] = field(default_factory=set)


class BoundReachedError(Exception):
    """The state space is larger than the stated bound: the walk proved nothing."""


@dataclass(frozen=True, kw_only=True)
class Explorer(Generic[StateT]):
    """A transition system and what must hold in it.

    `identity` maps states that differ only in names to one value. `transient` says that a state carries something
    that is no part of its identity and must be judged even if the state was met before.
    """

    successors: Callable[[StateT], Iterable[tuple[str, StateT]]]
    identity: Callable[[StateT], Hashable]
    transient: Callable[[StateT], bool]
    promises: Mapping[str, Callable[[StateT], str | None]]
    states_max: int

    def explore(self, initial: StateT) -> Exploration:
        """Visit every state that can be reached, or stop at the first broken promise."""
        # States are tuples without cycles: the collector would walk all of them again and again and find nothing.
        collecting = gc.isenabled()
        gc.disable()
        try:
            return self._walk(initial)
        finally:
            if collecting:
                gc.enable()

    def _walk(self, initial: StateT) -> Exploration:
        started = time.perf_counter()
        result = Exploration(states=1)
        seen = {self.identity(initial)}
        parents = [-1]
        names = [""]
        layer = [(0, initial)]
        while layer and result.broken is None:
            following: list[tuple[int, StateT]] = []
            for number, state in layer:
                for name, after in self.successors(state):
                    result.steps += 1
                    result.names.add(name)
                    seen.add(self.identity(after))
                    new = len(seen) > len(names)
                    if not new and not self.transient(after):
                        continue
                    broken = self._judge(after)
                    if broken is not None:
                        trace = _trace(parents, names, number, name)
                        result.broken = Broken(promise=broken[0], reason=broken[1], trace=trace)
                        break
                    if new:
                        following.append((len(names), after))
                        parents.append(number)
                        names.append(name)
                if result.broken is not None:
                    break
                if len(names) > self.states_max:
                    raise BoundReachedError(f"more than {self.states_max} states")
            layer = following
            result.depth += 1
        result.states = len(names)
        result.seconds = time.perf_counter() - started
        return result

    def _judge(self, state: StateT) -> tuple[str, str] | None:
        for promise, holds in self.promises.items():
            reason = holds(state)
            if reason is not None:
                return promise, reason
        return None


def _trace(parents: list[int], names: list[str], last: int, name: str) -> tuple[str, ...]:
    steps = [name]
    while last > 0:
        steps.append(names[last])
        last = parents[last]
    return tuple(reversed(steps))
