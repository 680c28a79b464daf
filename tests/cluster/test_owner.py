"""Whom a segment's decider and ledger writer talk to, and how soon they find out that it is somebody else."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import redis

from cluster.conftest import SEGMENTS
from holdfast_server.decide.connections import check_redis, decider_connection, writer_connection
from holdfast_server.decide.journal import RedisJournal
from holdfast_server.decide.owner import is_state_of_server
from holdfast_server.ledger.journal import SequencerLost
from holdfast_server.settings import Settings
from robustness.gate import Gate, Mode
from support.cluster import NODE_TIMEOUT_SECONDS, Node, ValkeyCluster, choose_ports
from support.servers import Servers

# A replica is promoted within some seconds of its master's death; an answer that does not come is given up sooner.
FOUND_SECONDS = 15.0
REPLY_SECONDS = 1.0


def settings_of(url: str, segment: str = "a", **options: Any) -> Settings:
    known = {"sequencer_timeout_seconds": REPLY_SECONDS, "heartbeat_seconds": 0.1}
    return Settings(redis_url=url, segment=segment, **(known | options))


@pytest.fixture
def writers(cluster: ValkeyCluster) -> Iterator[dict[str, Any]]:
    """A ledger writer's connection for each segment."""
    connections = {segment: writer_connection(settings_of(cluster.url, segment)) for segment in SEGMENTS}
    yield connections
    for connection in connections.values():
        connection.close()


@asynccontextmanager
async def decider(url: str) -> AsyncIterator[Any]:
    connection = decider_connection(settings_of(url))
    yield connection
    await connection.aclose()


def own_id(connection: Any) -> str:
    name: bytes = connection.execute_command("CLUSTER", "MYID")
    return name.decode()


def key_of(segment: str) -> str:
    return f"holdfast:{{{segment}}}:test"


async def until_it_answers(connection: Any, *command: object) -> Any:
    """Asks as a decider does: whatever goes wrong, the connection is dropped and the next one asks anew."""
    async with asyncio.timeout(FOUND_SECONDS):
        while True:
            try:
                async with asyncio.timeout(REPLY_SECONDS):
                    return await connection.execute_command(*command)
            except (redis.RedisError, OSError, TimeoutError):
                await connection.connection_pool.disconnect()
                await asyncio.sleep(0.02)


def test_each_segment_talks_to_the_master_of_its_slot(cluster: ValkeyCluster, writers: dict[str, Any]) -> None:
    """Taken out by: the first server in turn taken for the owner in Finder.find."""
    for segment, connection in writers.items():
        assert own_id(connection) == cluster.owner(segment).id
        connection.set(key_of(segment), "here")
    assert len({own_id(connection) for connection in writers.values()}) == 3


async def test_a_decider_too(cluster: ValkeyCluster) -> None:
    async with decider(cluster.url) as connection:
        name = await connection.execute_command("CLUSTER", "MYID")
        assert name.decode() == cluster.owner("a").id


@pytest.mark.parametrize("live", [0, 1, 2])
def test_one_seed_that_lives_is_enough(cluster: ValkeyCluster, live: int) -> None:
    """Taken out by: no `except` for a server that does not answer in Finder.find."""
    dead = [f"127.0.0.1:{port}" for port in choose_ports(2)]
    dead.insert(live, f"127.0.0.1:{cluster.nodes[1].port}")
    connection = writer_connection(settings_of(f"redis://:{cluster.password}@{','.join(dead)}/0"))
    assert own_id(connection) == cluster.owner("a").id
    connection.close()


async def test_nodes_that_the_cluster_told_of_are_asked_when_the_only_seed_is_lost(cluster: ValkeyCluster) -> None:
    """Taken out by: `_nodes` not kept in Whereabouts."""
    seed = cluster.owner("b")
    async with decider(cluster.url_of([seed])) as connection:
        await connection.ping()
        await connection.connection_pool.disconnect()
        await asyncio.to_thread(seed.kill)
        assert await until_it_answers(connection, "PING")


async def test_a_promoted_replica_is_found(cluster: ValkeyCluster) -> None:
    """The master dies: within seconds the next one answers, and the old one comes back as its replica."""
    async with decider(cluster.url) as connection:
        await connection.set(key_of("a"), "kept")
        old = cluster.owner("a")
        await asyncio.to_thread(old.kill)
        began = time.monotonic()
        found = await until_it_answers(connection, "CLUSTER", "MYID")
        assert time.monotonic() - began < FOUND_SECONDS
        assert found.decode() == cluster.until_owner_is_not("a", old).id
        await asyncio.to_thread(cluster.mend)
        assert old.role() == "slave"
        assert await until_it_answers(connection, "GET", key_of("a")) is not None


async def test_a_master_that_stands_still_is_given_up(cluster: ValkeyCluster) -> None:
    """It is the first seed, and would take all the time there is. Taken out by: no turn in Whereabouts.in_turn."""
    old = cluster.owner("a")
    async with decider(cluster.url_of([old, cluster.another_master("a")])) as connection:
        await connection.ping()
        await asyncio.to_thread(old.pause)
        found = await until_it_answers(connection, "CLUSTER", "MYID")
        assert found.decode() == cluster.until_owner_is_not("a", old).id


async def test_a_connection_to_a_master_that_has_become_a_replica_is_told_so(cluster: ValkeyCluster) -> None:
    """A planned failover. Nobody is redirected; the next connection leads to the new master."""
    async with decider(cluster.url) as connection:
        await connection.set(key_of("a"), "kept")
        old = cluster.owner("a")
        cluster.replica("a").client.execute_command("CLUSTER", "FAILOVER")
        new = await asyncio.to_thread(cluster.until_owner_is_not, "a", old)
        with pytest.raises(redis.exceptions.MovedError) as told:
            await connection.set(key_of("a"), "more")
        assert is_state_of_server(told.value)
        assert await until_it_answers(connection, "SET", key_of("a"), "new")
        assert new.client.get(key_of("a")) == b"new"


async def test_a_slot_on_its_way_is_a_state_of_the_server_and_no_fault_of_a_command(cluster: ValkeyCluster) -> None:
    """ASK for what is gone already, TRYAGAIN for a script of which a part is; a writer calls it lost.

    Taken out by: AskError or TryAgainError taken out of _OF_A_STATE.
    """
    cluster.flush()
    home, target = cluster.owner("a"), cluster.another_master("a")
    async with decider(cluster.url) as connection:
        journal = RedisJournal(
            settings=settings_of(cluster.url), connection=writer_connection(settings_of(cluster.url))
        )
        assert journal.state() is None
        await connection.set(key_of("a"), "there")
        cluster.open_move("a", target)
        with pytest.raises(redis.exceptions.AskError) as asked:
            await connection.get(f"{key_of('a')}:gone")
        with pytest.raises((redis.exceptions.TryAgainError, redis.exceptions.AskError)) as half:
            await connection.eval("return 1", 2, key_of("a"), f"{key_of('a')}:gone")
        assert is_state_of_server(asked.value)
        assert is_state_of_server(half.value)
        with pytest.raises(SequencerLost):
            journal.state()
        await asyncio.to_thread(cluster.move_slot, "a", target)
        assert await until_it_answers(connection, "GET", key_of("a")) == b"there"
        assert journal.state() is None
        journal._redis.close()
        await asyncio.to_thread(cluster.move_slot, "a", home)


async def test_what_may_have_run_is_not_sent_again(cluster: ValkeyCluster) -> None:
    """The command arrives, its answer does not: it ran once, however the connection ends and whoever is asked next.

    Taken out by: `retry=AsyncRetry(NoBackoff(), 1)` in decider_connection.
    """
    owner = cluster.owner("a")
    gate = await Gate("127.0.0.1", owner.port).open()
    owner.client.set(key_of("a"), 0)

    async def arrived(count: int) -> None:
        while int(owner.client.get(key_of("a"))) < count:  # noqa: ASYNC110 - it happens in another process
            await asyncio.sleep(0.01)

    async with decider(cluster.url) as connection:
        connection.connection_pool.connection_kwargs["finder"].find_async = lambda: _address(gate.port)
        for count, end in enumerate(("cut", "silence"), start=1):
            assert await connection.ping()
            gate.set(Mode.DEAF)
            asked = asyncio.create_task(connection.incr(key_of("a")))
            await arrived(count)
            if end == "cut":
                gate.set(Mode.OPEN)
                gate.cut()
            with pytest.raises(redis.RedisError):
                await asked
            gate.set(Mode.OPEN)
            await connection.connection_pool.disconnect()
    await asyncio.sleep(0.2)
    assert int(owner.client.get(key_of("a"))) == 2
    await gate.close()


async def _address(port: int) -> tuple[str, int]:
    return "127.0.0.1", port


def refused_at_start(url: str, servers: Servers) -> str:
    """The only line that a server says that does not start with this URL."""
    ended = subprocess.run(
        [sys.executable, "-m", "holdfast_server", "--port", "0", "--segment", "a"],
        env={**os.environ, "HOLDFAST_POSTGRES_URL": servers.postgres_url, "HOLDFAST_REDIS_URL": url},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 1
    (line,) = [line for line in ended.stdout.splitlines() if line.startswith("holdfast:")]
    assert "Traceback" not in ended.stderr
    return line


def test_a_part_of_the_url_that_is_no_server_is_refused_at_the_start(servers: Servers) -> None:
    assert "'two:b' is no host or host:port" in refused_at_start("redis://one:1,two:b", servers)


def test_servers_that_form_no_cluster_are_refused_at_the_start(servers: Servers) -> None:
    """Taken out by: NotOneCluster not raised in Whereabouts.owner."""
    url = servers.redis_url.removesuffix("/0") + ",127.0.0.1:1/0"
    with pytest.raises(RuntimeError, match="belongs to no cluster"):
        check_redis(settings_of(url))


def test_a_cluster_of_which_nobody_answers_is_told_with_each_reason() -> None:
    first, second = choose_ports(2)
    with pytest.raises(RuntimeError, match="is HOLDFAST_REDIS_URL right") as refused:
        check_redis(settings_of(f"redis://127.0.0.1:{first},127.0.0.1:{second}"))
    assert all(f"127.0.0.1:{port}" in str(refused.value) for port in (first, second))


def test_the_eviction_policy_is_that_of_the_owner(cluster: ValkeyCluster) -> None:
    """Every node has its own. Taken out by: check_eviction asked of the first server of the URL."""
    owner = cluster.owner("a")
    others = [node for node in cluster.nodes if node is not owner]
    try:
        _set_policy(others, "allkeys-lru")
        check_redis(settings_of(cluster.url))
        _set_policy([owner], "volatile-ttl")
        with pytest.raises(RuntimeError, match="maxmemory-policy volatile-ttl"):
            check_redis(settings_of(cluster.url))
    finally:
        _set_policy(cluster.nodes, "noeviction")


def _set_policy(nodes: list[Node], policy: str) -> None:
    for node in nodes:
        node.client.config_set("maxmemory-policy", policy)


def test_a_user_with_a_name_and_no_more_rights_than_are_needed(cluster: ValkeyCluster) -> None:
    """The login of the URL is used for every node."""
    for node in cluster.nodes:
        node.client.execute_command("ACL", "SETUSER", "shop", "on", ">p,w@1", "~holdfast:*", "+@all", "-@dangerous",
                                    "+info", "+cluster|info", "+cluster|slots")  # fmt: skip
    try:
        hosts = cluster.url.rpartition("@")[2]
        connection = writer_connection(settings_of(f"redis://shop:p%2Cw%401@{hosts}"))
        assert connection.execute_command("ACL", "WHOAMI") == b"shop"
        connection.close()
        check_redis(settings_of(f"redis://shop:p%2Cw%401@{hosts}"))
    finally:
        for node in cluster.nodes:
            node.client.execute_command("ACL", "DELUSER", "shop")


def test_a_replica_is_never_asked_for_more_than_the_owner(cluster: ValkeyCluster) -> None:
    """It may be a seed like any other. Taken out by: the replica taken for the owner in Whereabouts.owner."""
    owner = cluster.owner("a")
    connection = writer_connection(settings_of(cluster.url_of([cluster.replica("a")])))
    assert own_id(connection) == owner.id
    connection.close()
    assert NODE_TIMEOUT_SECONDS < FOUND_SECONDS
