"""A real cluster of six Valkeys, three masters and a replica of each, started from the bundled program.

Nothing of it is on disk but what the nodes know of each other: a node that is started again is empty, and remembers its
place.
"""

from __future__ import annotations

import os
import random
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import redis
from redis.crc import key_slot

from holdfast_server.decide.keys import SegmentKeys
from holdfast_server.embedded.binaries import find_valkey
from support.folders import new_folder

MASTERS = 3
NODES = 2 * MASTERS
# A node that says nothing for so long is taken for dead; on a busy machine less would make the living seem dead.
NODE_TIMEOUT_SECONDS = 1.5
_SLOTS = 16_384
_BUS = 10_000
# With their bus below the ports that the system gives to anybody.
_PORTS = (11_000, 22_000)
_PATIENCE_SECONDS = 60.0
_POLL_SECONDS = 0.02
_REPLY_SECONDS = 5.0
_KEYS_PER_MOVE = 100
_MOVE_MILLISECONDS = 5_000
_BETWEEN_KEYS_SECONDS = 0.02
# The first Valkey that moves a slot in one step.
_MOVES_WHOLE = 9


def slot_of(segment: str) -> int:
    """The slot of all keys of a segment."""
    return key_slot(SegmentKeys(segment=segment, epoch=0).open_epoch.encode())


def choose_ports(count: int = NODES) -> list[int]:
    """Finds ports that are free, as those of their bus are."""
    ports: list[int] = []
    while len(ports) < count:
        port = random.randint(*_PORTS)
        with suppress(OSError), socket.socket() as probe, socket.socket() as bus:
            probe.bind(("127.0.0.1", port))
            bus.bind(("127.0.0.1", port + _BUS))
            if port not in ports:
                ports.append(port)
    return ports


def _wait_until(condition: Callable[[], bool], what: str, seconds: float = _PATIENCE_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while True:
        with suppress(redis.RedisError):
            if condition():
                return
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(_POLL_SECONDS)


class Node:
    """One process of the cluster, which can be killed, stopped and started again."""

    def __init__(self, folder: Path, *, port: int, announced_port: int, password: str) -> None:
        self._folder = folder
        self.port, self.announced_port = port, announced_port
        self._password = password
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = False
        self.client: Any = redis.Redis(
            port=port, password=password, protocol=2, socket_timeout=_REPLY_SECONDS, socket_connect_timeout=1.0
        )
        self.start()

    def start(self) -> None:
        """Starts the process, as a supervisor would: at the same port and with its place in the cluster."""
        self._folder.mkdir(parents=True, exist_ok=True)
        options = {
            "bind": "127.0.0.1",
            "port": self.port,
            "requirepass": self._password,
            "masterauth": self._password,
            "save": "",
            "maxmemory-policy": "noeviction",
            "repl-diskless-sync-delay": 0,
            "cluster-enabled": "yes",
            "cluster-announce-ip": "127.0.0.1",
            "cluster-announce-port": self.announced_port,
            "cluster-announce-bus-port": self.port + _BUS,
            "cluster-node-timeout": int(NODE_TIMEOUT_SECONDS * 1000),
            # A replica that fell behind is promoted all the same: how far behind it is, is for Holdfast to find out.
            "cluster-replica-validity-factor": 0,
            "cluster-allow-replica-migration": "no",
            # What one master owns is decided on also while another one is away.
            "cluster-require-full-coverage": "no",
        }
        command = [str(find_valkey().executable)]
        for name, value in options.items():
            command += [f"--{name}", str(value)]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=dict(os.environ),
                start_new_session=True,
            )
        _wait_until(lambda: bool(self.client.ping()), f"the node at {self.port} to answer")

    @property
    def id(self) -> str:
        name: bytes = self.client.execute_command("CLUSTER", "MYID")
        return name.decode()

    @property
    def is_alive(self) -> bool:
        return self._process is not None and not self._stopped

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def role(self) -> str:
        return str(self.client.info("replication")["role"])

    def is_in_step(self) -> bool:
        """Says whether a replica has its link to its master up."""
        said = self.client.info("replication")
        return said.get("master_link_status") == "up" and not said.get("master_sync_in_progress")

    def pause(self) -> None:
        """The process stands still."""
        self._stopped = True
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        if self._stopped:
            self._stopped = False
            os.kill(self.pid, signal.SIGCONT)

    def kill(self) -> None:
        """Kills the process at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        self._stopped = False
        self.client.connection_pool.disconnect()

    def close(self) -> None:
        self.kill()
        self.client.close()

    def fall_behind(self) -> None:
        """A replica loses its link to its master and cannot make it anew: it has what it had, and gets nothing more."""
        self.client.config_set("masterauth", "wrong")
        self.client.execute_command("CLIENT", "KILL", "TYPE", "master")
        _wait_until(lambda: not self.is_in_step(), "the replica to fall behind")


class ValkeyCluster:
    """Three masters with a replica each, on this machine, behind one password."""

    def __init__(self, folder: Path, *, ports: Sequence[int] = (), announced: Sequence[int] = ()) -> None:
        """`announced` are the ports at which the nodes are said to be reached, if those are not their own."""
        self.password = secrets.token_hex(8)
        ports = ports or choose_ports()
        self.nodes: list[Node] = []
        try:
            for number, port in enumerate(ports):
                announced_port = announced[number] if announced else port
                folder_of_node = folder / f"node-{number}"
                self.nodes.append(
                    Node(folder_of_node, port=port, announced_port=announced_port, password=self.password)
                )
            self._form()
        except BaseException:
            self.close()
            raise

    def _form(self) -> None:
        masters, replicas = self.nodes[:MASTERS], self.nodes[MASTERS:]
        for number, node in enumerate(masters):
            slots = range(number * _SLOTS // MASTERS, (number + 1) * _SLOTS // MASTERS)
            node.client.execute_command("CLUSTER", "ADDSLOTS", *slots)
            node.client.execute_command("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        for node in self.nodes:
            for other in self.nodes:
                if other is not node:
                    node.client.execute_command("CLUSTER", "MEET", "127.0.0.1", other.port, other.port + _BUS)
        _wait_until(lambda: all(self._knows_all(node) for node in self.nodes), "the nodes to meet")
        for node, master in zip(replicas, masters, strict=True):
            node.client.execute_command("CLUSTER", "REPLICATE", master.id)
        _wait_until(self.is_whole, "the replicas to follow")

    def _knows_all(self, node: Node) -> bool:
        said: bytes = node.client.execute_command("CLUSTER", "INFO")
        rows: bytes = node.client.execute_command("CLUSTER", "NODES")
        met = rows.count(b"\n") == NODES and b"handshake" not in rows
        return met and b"cluster_state:ok" in said and b"cluster_slots_assigned:16384" in said

    def is_whole(self) -> bool:
        """Says whether all nodes live, in the eyes of each, and every replica follows its master."""
        views = [node.client.execute_command("CLUSTER", "NODES") for node in self.nodes]
        if any(b"fail" in view or b"handshake" in view for view in views):
            return False
        roles = [node.role() for node in self.nodes]
        in_step = all(node.is_in_step() for node, role in zip(self.nodes, roles, strict=True) if role == "slave")
        known = all(view.count(b" slave ") + view.count(b"myself,slave") == NODES - MASTERS for view in views)
        return roles.count("slave") == NODES - MASTERS and in_step and known

    def mend(self) -> None:
        """Lets every node run and every replica follow, and waits until they do."""
        for node in self.nodes:
            node.resume()
            if not node.is_alive:
                node.start()
            node.client.config_set("masterauth", self.password)
        self.until_whole()

    def flush(self) -> None:
        """Empties every master, as for a ledger that has nothing to do with what is there."""
        for node in self.nodes:
            if node.role() == "master":
                node.client.flushall()

    def until_whole(self) -> None:
        _wait_until(self.is_whole, "the cluster to be whole")

    @property
    def url(self) -> str:
        """Names one node of each master; the others are told of by the cluster."""
        return self.url_of(self.nodes[:MASTERS])

    def url_of(self, nodes: Sequence[Node]) -> str:
        hosts = ",".join(f"127.0.0.1:{node.announced_port}" for node in nodes)
        return f"redis://:{self.password}@{hosts}/0"

    # Who owns what.

    def owner(self, segment: str) -> Node:
        """The node that owns the segment's slot in the eyes of most of those that live."""
        slot, found = slot_of(segment), []
        for node in self.nodes:
            if node.is_alive:
                with suppress(redis.RedisError):
                    for first, last, master, *_ in node.client.execute_command("CLUSTER", "SLOTS"):
                        if first <= slot <= last:
                            found.append(int(master[1]))
        port = max(found, key=found.count)
        return next(node for node in self.nodes if node.announced_port == port)

    def replica(self, segment: str) -> Node:
        """The replica of that node."""
        owner = self.owner(segment)
        rows: list[bytes] = owner.client.execute_command("CLUSTER", "REPLICAS", owner.id)
        return next(node for node in self.nodes if any(row.startswith(node.id.encode()) for row in rows))

    def until_owner_is_not(self, segment: str, node: Node) -> Node:
        """Waits until another node owns the slot, and returns it."""
        _wait_until(lambda: self.owner(segment) is not node, "the replica to be promoted")
        return self.owner(segment)

    def until_owner_is(self, segment: str, node: Node) -> None:
        _wait_until(lambda: self.owner(segment) is node, "the slot to have its new owner")

    def another_master(self, segment: str) -> Node:
        """A master that does not own the segment's slot."""
        owner = self.owner(segment)
        return next(node for node in self.nodes if node.is_alive and node is not owner and node.role() == "master")

    # Resharding.

    def move_slot(self, segment: str, target: Node, *, pause_seconds: float = 0) -> None:
        """Moves the slot key by key, as `--cluster reshard` does."""
        source = self.owner(segment)
        self.open_move(segment, target)
        while keys := self._keys(segment, source):
            for key in keys:
                self._migrate(source, target, key)
                time.sleep(pause_seconds)
        self.close_move(segment, target)

    def move_slot_slowly(self, segment: str, target: Node) -> None:
        """The same, and for a while there is a part of the keys on either side."""
        self.move_slot(segment, target, pause_seconds=_BETWEEN_KEYS_SECONDS)

    def move_slot_half_way(self, segment: str, target: Node) -> None:
        """Moves half of the keys and ends the move: the slot stays where it is, without those."""
        slot, source = slot_of(segment), self.owner(segment)
        self.open_move(segment, target)
        for key in self._keys(segment, source)[::2]:
            self._migrate(source, target, key)
        for node in (source, target):
            node.client.execute_command("CLUSTER", "SETSLOT", slot, "STABLE")

    @staticmethod
    def _keys(segment: str, node: Node) -> list[bytes]:
        found: list[bytes] = node.client.execute_command("CLUSTER", "GETKEYSINSLOT", slot_of(segment), _KEYS_PER_MOVE)
        return found

    def open_move(self, segment: str, target: Node) -> None:
        """Tells both sides that a slot is on its way; the source still owns it."""
        slot, source = slot_of(segment), self.owner(segment)
        target.client.execute_command("CLUSTER", "SETSLOT", slot, "IMPORTING", source.id)
        source.client.execute_command("CLUSTER", "SETSLOT", slot, "MIGRATING", target.id)

    def close_move(self, segment: str, target: Node) -> None:
        """Gives the slot to its new owner."""
        slot, source = slot_of(segment), self.owner(segment)
        target_id = target.id
        for node in (target, source):
            node.client.execute_command("CLUSTER", "SETSLOT", slot, "NODE", target_id)
        self.until_owner_is(segment, target)

    def move_slot_whole(self, segment: str, target: Node) -> None:
        """Moves the slot in one step, which Valkey 9 and newer can."""
        slot, source = slot_of(segment), self.owner(segment)
        source.client.execute_command("CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", slot, slot, "NODE", target.id)
        self.until_owner_is(segment, target)

    @property
    def moves_whole(self) -> bool:
        """Says whether the cluster can move a slot in one step."""
        major, _, _ = str(self.nodes[0].client.info("server").get("valkey_version", "0")).partition(".")
        return int(major) >= _MOVES_WHOLE

    def _migrate(self, source: Node, target: Node, key: bytes) -> None:
        source.client.execute_command(
            "MIGRATE", "127.0.0.1", target.port, key, 0, _MOVE_MILLISECONDS, "REPLACE", "AUTH", self.password
        )

    def close(self) -> None:
        for node in self.nodes:
            node.close()


def main() -> None:
    """Runs a cluster until Ctrl-C."""
    with new_folder() as folder:
        running = ValkeyCluster(folder)
        try:
            print(f"export HOLDFAST_REDIS_URL={running.url}", flush=True)  # noqa: T201 - it is there to be read
            signal.sigwait({signal.SIGINT, signal.SIGTERM})
        finally:
            running.close()


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    main()
