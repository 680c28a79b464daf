"""A call waits for all of its commands, and each command is answered once."""

from __future__ import annotations

import asyncio

from holdfast_server.decide.commands import Decision
from holdfast_server.decide.decider import CommandFault, _Group


async def test_the_first_answer_to_a_command_counts_and_a_second_one_does_not_end_the_call() -> None:
    """A fault behind a tick settles the whole tick, also the commands that were answered before it."""
    group = _Group([None, None], 2, asyncio.get_running_loop().create_future())
    first = Decision(position=1)
    group.settle(0, first)
    group.settle(0, CommandFault("too late"))
    assert not group.done.done(), "the second command has no answer yet"
    group.settle(1, CommandFault("fault"))
    assert group.done.done()
    assert group.answers[0] is first
