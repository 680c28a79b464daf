from collections.abc import AsyncIterator, Iterator

import pytest

from holdfast_client import Deadlines, HoldfastClient, RetryPolicy, SyncHoldfastClient
from unit.client.scripted import PATIENCE_SECONDS, ScriptedAuthority

# A retry that follows at once: the waits are judged by what is asked for, never by the clock.
AT_ONCE = RetryPolicy(max_tries=5, initial_backoff_seconds=0.0, max_backoff_seconds=0.0)
# No test waits this long, so a call that ends was ended by what the test did.
_NEVER_SECONDS = 10 * PATIENCE_SECONDS
PATIENT = Deadlines(
    read_seconds=_NEVER_SECONDS,
    mutation_seconds=_NEVER_SECONDS,
    batch_seconds=_NEVER_SECONDS,
    verification_seconds=_NEVER_SECONDS,
)


@pytest.fixture
def authority() -> Iterator[ScriptedAuthority]:
    authority = ScriptedAuthority()
    yield authority
    authority.close()


@pytest.fixture
async def client(authority: ScriptedAuthority) -> AsyncIterator[HoldfastClient]:
    async with HoldfastClient(authority.target, caller="tests", deadlines=PATIENT, retry=AT_ONCE) as client:
        yield client


@pytest.fixture
def sync_client(authority: ScriptedAuthority) -> Iterator[SyncHoldfastClient]:
    with SyncHoldfastClient(authority.target, caller="tests", deadlines=PATIENT, retry=AT_ONCE) as client:
        yield client
