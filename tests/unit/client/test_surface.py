"""What the package shows is what it means to show."""

import inspect
import re
import subprocess
import sys

import pytest
from holdfast.inventory.v1 import rules_pb2

import holdfast_client
from holdfast_client import HoldfastClient, HoldfastError, SyncHoldfastClient, errors, rules
from unit.client.scripted import RPCS

RULES: list[rules.RuleKind] = [
    rules.safety_stock(5, sku="A"),
    rules.channel_buffer("WEB", 2),
    rules.allotment("A", "WEB", guaranteed=10),
    rules.backorder("A", "LONDON", cap=5),
    rules.substitution("A", ["B"]),
    rules.customer_hold_limit(3),
    rules.distances("SCOTLAND", {"LEEDS": 340}),
]


def public_methods(of: type) -> set[str]:
    return {name for name in dir(of) if callable(getattr(of, name)) and not name.startswith("_")}


def test_all_names_every_public_member_and_no_other() -> None:
    shown = {
        name
        for name, value in vars(holdfast_client).items()
        if not name.startswith("_") and not inspect.ismodule(value)
    }
    assert shown == set(holdfast_client.__all__)


def test_all_is_sorted_and_names_nothing_twice() -> None:
    assert holdfast_client.__all__ == sorted(set(holdfast_client.__all__))


def test_every_class_of_the_error_tree_is_shown() -> None:
    tree = {name for name, value in vars(errors).items() if inspect.isclass(value) and issubclass(value, HoldfastError)}
    assert tree <= set(holdfast_client.__all__)


def test_the_drawn_tree_is_the_tree() -> None:
    drawn = dict.fromkeys(re.findall(r"[|`]-- (\w+)", errors.__doc__ or ""))
    tree = {
        value.__name__
        for value in vars(errors).values()
        if inspect.isclass(value) and issubclass(value, HoldfastError) and value is not HoldfastError
    }
    assert set(drawn) == tree


def test_every_rpc_has_a_method() -> None:
    wanted = {re.sub(r"(?<!^)(?=[A-Z])", "_", rpc.name).lower() for rpc in RPCS.values()}
    assert wanted <= public_methods(HoldfastClient)


def test_the_waiting_client_has_every_method_with_the_same_parameters() -> None:
    assert public_methods(SyncHoldfastClient) == public_methods(HoldfastClient)
    for name in public_methods(HoldfastClient) - {"close"}:
        asynchronous, waiting = (inspect.signature(getattr(of, name)) for of in (HoldfastClient, SyncHoldfastClient))
        assert asynchronous == waiting, name


@pytest.mark.parametrize("name", [field.name for field in rules_pb2.Rule.DESCRIPTOR.oneofs_by_name["kind"].fields])
def test_every_kind_of_rule_can_be_made(name: str) -> None:
    made = {rules.rule_of(rule).WhichOneof("kind") for rule in RULES}
    assert name in made


def test_importing_neither_connects_nor_starts_a_thread_nor_reads_the_target() -> None:
    program = (
        "import os, threading\n"
        "read = []\n"
        "class Watched(type(os.environ)):\n"
        "    def __getitem__(self, key):\n"
        "        read.append(key)\n"
        "        return super().__getitem__(key)\n"
        "os.environ.__class__ = Watched\n"
        "import holdfast_client, holdfast_client.command\n"
        "assert threading.active_count() == 1, threading.enumerate()\n"
        "assert 'HOLDFAST_TARGET' not in read\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, env={"PYTHONPATH": ":".join(sys.path)})
