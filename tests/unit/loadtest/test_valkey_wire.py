"""What is read out of Valkey's own figures, and how commands go over the wire."""

from holdfast_loadtest.valkey_wire import CommandStats, ScriptCost, packed, parse_command_stats, script_cost

_BEFORE = """# Commandstats
cmdstat_evalsha:calls=10,usec=1000,usec_per_call=100.00,rejected_calls=0,failed_calls=0
cmdstat_hget:calls=40,usec=20,usec_per_call=0.50,rejected_calls=0,failed_calls=0
cmdstat_info:calls=1,usec=99,usec_per_call=99.00,rejected_calls=0,failed_calls=0
"""
_AFTER = """# Commandstats
cmdstat_evalsha:calls=14,usec=1800,usec_per_call=128.57,rejected_calls=0,failed_calls=0
cmdstat_hget:calls=52,usec=26,usec_per_call=0.50,rejected_calls=0,failed_calls=0
cmdstat_xadd:calls=4,usec=8,usec_per_call=2.00,rejected_calls=0,failed_calls=0
cmdstat_info:calls=2,usec=199,usec_per_call=99.00,rejected_calls=0,failed_calls=0
cmdstat_client|setinfo:calls=2,usec=2,usec_per_call=1.00,rejected_calls=0,failed_calls=0
"""


def test_the_figures_of_every_command_are_read() -> None:
    stats = parse_command_stats(_BEFORE.replace("\n", "\r\n"))
    assert stats["evalsha"] == CommandStats(calls=10, microseconds=1000)
    assert set(stats) == {"evalsha", "hget", "info"}


def test_no_figures_are_no_error() -> None:
    assert parse_command_stats("") == {}


def test_the_cost_of_scripts_is_the_difference_without_the_asking_itself() -> None:
    cost = script_cost(parse_command_stats(_BEFORE), parse_command_stats(_AFTER))
    assert cost == ScriptCost(scripts=4, microseconds=800, calls_within=16)


def test_commands_are_packed_with_the_length_of_their_bytes() -> None:
    assert packed("HSET", b"k\xff", 12) == b"*3\r\n$4\r\nHSET\r\n$2\r\nk\xff\r\n$2\r\n12\r\n"
    assert packed("é") == b"*1\r\n$2\r\n\xc3\xa9\r\n"
