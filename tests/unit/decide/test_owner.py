"""HOLDFAST_REDIS_URL taken apart, and the owner of a slot by what a server says of its cluster."""

from __future__ import annotations

from typing import Any

import pytest
import redis

from holdfast_server.decide.owner import Address, NoOwner, NotOneCluster, Whereabouts, parse_sequencer_url

# Slot 15495.
SEGMENT = "a"
ASKED = Address("one", 1)
IN_CLUSTER = {"cluster_enabled": 1}
WELL = b"cluster_state:ok\r\n"


@pytest.mark.parametrize(
    ("url", "seeds"),
    [
        ("redis://one", [("one", 6379)]),
        ("redis://one:1,two,three:3/0", [("one", 1), ("two", 6379), ("three", 3)]),
        ("rediss://user:a%2Cb%40@one:1, two:2/0?ssl_cert_reqs=none", [("one", 1), ("two", 2)]),
        ("redis://:secret@[::1]:1,[fe80::2]/0", [("::1", 1), ("fe80::2", 6379)]),
        ("unix:///tmp/socket", []),
    ],
)
def test_a_url_names_one_server_or_several(url: str, seeds: list[tuple[str, int]]) -> None:
    assert list(parse_sequencer_url(url).seeds) == seeds


def test_the_url_of_one_of_them_keeps_everything_else() -> None:
    parsed = parse_sequencer_url("rediss://user:a%2Cb@one:1,[::1]:2/0?ssl_cert_reqs=none")
    assert parsed.at(parsed.seeds[1]) == "rediss://user:a%2Cb@[::1]:2/0?ssl_cert_reqs=none"
    assert parsed.is_tls


@pytest.mark.parametrize(
    "hosts",
    ["", "one,", ",one", "one:", "one:x", "one:70000", "one:0", "one:1,two:b", "::1", "[::1", "one:1:2", "one:1,one:1"],
)
def test_a_part_that_is_no_server_is_named_without_the_password(hosts: str) -> None:
    with pytest.raises(ValueError, match=r"^HOLDFAST_REDIS_URL") as refused:
        parse_sequencer_url(f"redis://user:secret@{hosts}/0")
    assert "secret" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_another_scheme_is_refused() -> None:
    with pytest.raises(ValueError, match="redis://"):
        parse_sequencer_url("http://one")


def whereabouts(hosts: str = "one:1,two:2") -> Whereabouts:
    return Whereabouts(parse_sequencer_url(f"redis://{hosts}"), SEGMENT)


def slots(*rows: tuple[int, int, str]) -> list[list[Any]]:
    """As CLUSTER SLOTS answers: of each stretch the master and one replica."""
    return [[first, last, [host.encode(), 7, b"id", []], [b"replica", 8, b"id", []]] for first, last, host in rows]


def test_the_master_of_the_slot_is_the_owner() -> None:
    said = (IN_CLUSTER, WELL, slots((0, 15494, "low"), (15495, 15495, "owner"), (15496, 16383, "high")))
    assert whereabouts().owner(ASKED, said) == ("owner", 7)


def test_a_node_that_names_no_host_for_itself_is_where_it_was_asked() -> None:
    for nameless in (b"", None):
        said = (IN_CLUSTER, WELL, [[0, 16383, [nameless, 7, b"id"]]])
        assert whereabouts().owner(ASKED, said) == ("one", 7)


@pytest.mark.parametrize(
    "said",
    [
        (IN_CLUSTER, b"cluster_state:fail\r\n", slots((0, 16383, "owner"))),
        (IN_CLUSTER, WELL, slots((0, 15494, "owner"))),
        (IN_CLUSTER, WELL, [[0, 16383]]),
    ],
    ids=["it is cut off", "nobody owns the slot", "nobody is named"],
)
def test_a_node_that_knows_no_owner_is_not_believed(said: Any) -> None:
    with pytest.raises(NoOwner):
        whereabouts().owner(ASKED, said)


def test_what_a_server_refuses_is_told() -> None:
    refused = redis.exceptions.NoPermissionError("no")
    for said in ((refused, WELL, []), (IN_CLUSTER, refused, []), (IN_CLUSTER, WELL, refused)):
        with pytest.raises(redis.exceptions.NoPermissionError):
            whereabouts().owner(ASKED, said)


def test_a_server_alone_is_the_owner_unless_others_are_named_beside_it() -> None:
    no_cluster = redis.exceptions.ResponseError("This instance has cluster support disabled")
    said = ({"cluster_enabled": 0}, no_cluster, no_cluster)
    assert whereabouts("one:1").owner(ASKED, said) == ASKED
    with pytest.raises(NotOneCluster, match="2 servers, but one:1 belongs to no cluster"):
        whereabouts("one:1,two:2").owner(ASKED, said)


def test_every_look_up_begins_with_another_server_and_knows_those_of_the_cluster() -> None:
    places = whereabouts("one:1,two:2")
    assert sorted(places.in_turn()) == [("one", 1), ("two", 2)]
    first = [next(places.in_turn()) for _ in range(4)]
    assert set(first) == {("one", 1), ("two", 2)}
    assert first[0] != first[1]
    places.owner(ASKED, (IN_CLUSTER, WELL, slots((0, 16383, "owner"))))
    assert sorted(places.in_turn()) == [("one", 1), ("owner", 7), ("replica", 8), ("two", 2)]
