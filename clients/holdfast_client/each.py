"""One way to go through what a caller passed, whether it waits for its elements or not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Iterable
from typing import TypeVar

_Element = TypeVar("_Element")


async def each_of(elements: Iterable[_Element] | AsyncIterable[_Element]) -> AsyncGenerator[_Element, None]:
    """Yield the elements. What is no list or tuple may block, so it is read on a thread, one element at a time."""
    if isinstance(elements, AsyncIterable):
        async for element in elements:
            yield element
        return
    if isinstance(elements, list | tuple):
        for element in elements:
            yield element
        return
    iterator = iter(elements)
    end = object()
    while (found := await asyncio.to_thread(next, iterator, end)) is not end:
        yield found  # type: ignore[misc]
