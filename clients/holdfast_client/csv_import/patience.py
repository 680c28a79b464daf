"""Goes on asking while the service cannot answer, for a stated time.

An import or a replay outlives what one call waits for: the sequencer may be killed and loaded again under
it. Every repetition carries the same request id, so it is safe. The client that is asked should not retry
by itself: then every refusal is seen and counted here.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from holdfast_client import errors

A = TypeVar("A")

FIRST_WAIT_SECONDS = 0.05
LONGEST_WAIT_SECONDS = 2.0

_LATER = (errors.Unavailable, errors.DeadlineExceeded, errors.Overloaded, errors.BacklogFull)


class NoAnswerError(Exception):
    """The service gave no answer to one call for as long as the patience lasts.

    What became of it is not known.
    """


class Patience:
    """Repeats calls that the service could not answer, each for up to `seconds`.

    The waits are drawn between nothing and a bound that doubles, on top of what the service asks for, so
    that many callers do not come back at the same moment. `repetitions` counts what was asked again.
    """

    def __init__(
        self,
        *,
        seconds: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._seconds = seconds
        self._clock = clock
        self._sleep = sleep
        self.repetitions = 0

    async def ask(self, call: Callable[[], Awaitable[A]]) -> A:
        """The answer of the call. Refusals are raised as they come.

        Raises NoAnswerError when the patience is used up, and at once for a fault inside the service. The
        call must carry the same request id every time that it is made.
        """
        end = self._clock() + self._seconds
        bound = FIRST_WAIT_SECONDS
        while True:
            try:
                return await call()
            except _LATER as error:
                pause = random.uniform(0, bound) + (error.retry_delay_seconds or 0.0)
                if self._clock() + pause > end:
                    raise NoAnswerError(str(error)) from error
            except errors.InternalFault as error:
                raise NoAnswerError(str(error)) from error
            self.repetitions += 1
            await self._sleep(pause)
            bound = min(2 * bound, LONGEST_WAIT_SECONDS)
