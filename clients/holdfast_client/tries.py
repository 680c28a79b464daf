"""The tries of one call: when the next one is due, and with which error the last one ends."""

import asyncio
from collections.abc import Awaitable, Callable

import grpc

from holdfast_client import errors
from holdfast_client.policy import RetryPolicy


class Tries:
    """The tries of one call, bounded in number by the policy and in time by its end on the clock of the loop."""

    def __init__(
        self,
        policy: RetryPolicy,
        end_time: float,
        wait: Callable[[float], Awaitable[None]],
        draw: Callable[[float, float], float],
    ) -> None:
        self._policy = policy
        self._wait = wait
        self._draw = draw
        self._loop = asyncio.get_running_loop()
        self._end_time = end_time
        self._count = 0
        self._last: errors.HoldfastError | None = None

    def remaining_seconds(self) -> float:
        """What is left of the deadline."""
        return self._end_time - self._loop.time()

    async def wait_after(self, error: errors.HoldfastError) -> None:
        """Return when the next try is due; raise the error if there is to be none."""
        self._count += 1
        if error.code is not grpc.StatusCode.UNAVAILABLE:
            # A deadline that passed in a later try says less than the refusal that made the try necessary.
            raise error from self._last
        self._last = error
        if self._count >= self._policy.max_tries:
            raise error
        delay_seconds = self._draw(0.0, self._policy.backoff_bound_seconds(self._count))
        delay_seconds += error.retry_delay_seconds or 0.0
        if delay_seconds >= self.remaining_seconds():
            raise error
        await self._wait(delay_seconds)
        if self.remaining_seconds() <= 0:
            raise error
