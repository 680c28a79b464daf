"""Connections to Redis: bounded in every wait, without silent retries, to a server that keeps what it is given."""

from __future__ import annotations

from typing import Any, Final

import redis
import redis.asyncio
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.retry import Retry

from holdfast_server.decide.owner import NotOneCluster, connect_to_owner, connect_to_owner_async
from holdfast_server.settings import Settings

_CONNECT_SECONDS: Final = 2.0


def _arguments(settings: Settings, *, reply_seconds: float) -> dict[str, Any]:
    return {
        "protocol": 2,
        "socket_connect_timeout": _CONNECT_SECONDS,
        "socket_timeout": reply_seconds,
        "socket_keepalive": True,
        "client_name": f"holdfast-{settings.segment}",
    }


def decider_connection(settings: Settings) -> redis.asyncio.Redis:
    """Returns the connection of a decider. A lost tick is reported, never sent again behind the decider's back."""
    return connect_to_owner_async(
        settings.redis_url,
        settings.segment,
        **_arguments(settings, reply_seconds=settings.sequencer_timeout_seconds),
        retry=AsyncRetry(NoBackoff(), 0),
        max_connections=1,
    )


def writer_connection(settings: Settings) -> redis.Redis:
    """Returns the connection of a ledger writer, which may load a whole ledger over it."""
    reply_seconds = settings.sequencer_timeout_seconds + settings.heartbeat_seconds
    return connect_to_owner(
        settings.redis_url,
        settings.segment,
        **_arguments(settings, reply_seconds=reply_seconds),
        retry=Retry(NoBackoff(), 0),
    )


def check_eviction(connection: redis.Redis) -> None:
    """Refuses a Redis that may evict keys. Raises RuntimeError with one line that says what to change.

    Looked at when a server starts and before every rebuild: another Redis may stand behind the name by then.
    """
    memory: Any = connection.info("memory")
    policy = memory.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        raise RuntimeError(f"Redis runs with maxmemory-policy {policy}: it could evict a level. Set it to noeviction.")


def check_redis(settings: Settings) -> None:
    """Looks at the Redis of each segment before anything is built on it.

    Raises RuntimeError with one line that says what to change.
    """
    for segment in settings.segment_names:
        _check_redis_of(settings.of_segment(segment))


def _check_redis_of(settings: Settings) -> None:
    try:
        connection = writer_connection(settings)
    except ValueError as error:
        raise RuntimeError(str(error)) from error
    try:
        check_eviction(connection)
    except NotOneCluster as error:
        raise RuntimeError(str(error)) from error
    except redis.RedisError as error:
        raise RuntimeError(f"Redis does not answer ({error}): is HOLDFAST_REDIS_URL right?") from error
    finally:
        connection.close()
