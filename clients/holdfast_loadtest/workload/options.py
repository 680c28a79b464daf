"""What can be chosen for a run, checked before anything is started."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

MAX_REQUESTS: Final = 1_000_000
"""The most arrivals of one run: its whole history is kept, about 500 bytes each."""

MAX_SECONDS: Final = 3_600.0
MAX_SKUS: Final = 1_000_000
MAX_LEVELS: Final = 1_000_000
"""The most stock levels of one run, SKUs times locations: all are stocked up, kept and read back."""

MAX_UNITS: Final = 1_000_000_000
MAX_CHANNELS: Final = 64
MAX_LOCATIONS: Final = 64
MAX_LINES: Final = 100
MAX_IN_FLIGHT: Final = 8_192
"""Below what a server takes on at a time."""

DEFAULT_IN_FLIGHT: Final = 256
IN_FLIGHT_PER_BATCH: Final = 4
"""With batches, so many times as many requests may be without an answer, unless another bound is given."""

MAX_BATCH: Final = 1_000
MAX_PROCESSES: Final = 64
MAX_RUN_ID_LENGTH: Final = 24

_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9.\-]*")


class OptionError(ValueError):
    """An option that cannot be. `option` is its name on the command line."""

    def __init__(self, option: str, words: str) -> None:
        super().__init__(words)
        self.option = option


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """One run. What a scenario does not use stays at its default."""

    scenario: str
    buyers: int = 0
    """The most arrivals; 0 is as many as the rate gives in the time."""
    units: int = 0
    """The units of each SKU."""
    skus: int = 1
    locations: int = 1
    """The stock of each SKU is spread over them."""
    channels: int = 1
    seconds: float = 10.0
    """The time in which what is asked for arrives."""
    rate: float = 0.0
    """Arrivals a second."""
    exponent: float = 0.0
    """How uneven demand is: the SKU of rank n is asked for in proportion to 1 / n ** exponent."""
    lines: int = 1
    """The most lines of a basket."""
    orders: str = ""
    """The file of real orders."""
    mapping: str = ""
    """The file that says what its columns mean; empty: Online Retail."""
    limit: int = 0
    """Only the first rows of the file; 0: all."""
    stock_share: float = 0.8
    """The opening stock, as a share of what the file sells."""
    seed: int = 1
    run_id: str = ""
    closed: int = 0
    """Callers that ask again as soon as they were answered; 0: an open loop."""
    batch: int = 1
    """The most reservations of one call."""
    in_flight: int = DEFAULT_IN_FLIGHT
    """The most requests without an answer, over all load processes."""
    duplicates: float = 0.02
    """The share of arrivals whose requests are all sent twice."""
    max_seconds: float = 300.0
    """When nobody new begins, however many are to come."""
    processes: int = 1

    def of_the_scenario(self, defaults: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the options that say something to a scenario with these defaults."""
        values = dataclasses.asdict(self)
        return {name: value for name, value in values.items() if name in defaults or name not in _OF_SOME_SCENARIOS}


def check(options: Options) -> None:
    """Raises OptionError for the first option that cannot be."""
    for option, value, least, most in (
        ("--buyers", options.buyers, 0, MAX_REQUESTS),
        ("--units", options.units, 0, MAX_UNITS),
        ("--skus", options.skus, 1, MAX_SKUS),
        ("--locations", options.locations, 1, MAX_LOCATIONS),
        ("--channels", options.channels, 1, MAX_CHANNELS),
        ("--seconds", options.seconds, 0.1, MAX_SECONDS),
        ("--exponent", options.exponent, 0, 10),
        ("--lines", options.lines, 1, MAX_LINES),
        ("--limit", options.limit, 0, 10**9),
        ("--stock-share", options.stock_share, 0, 1_000),
        ("--closed", options.closed, 0, MAX_IN_FLIGHT),
        ("--batch", options.batch, 1, MAX_BATCH),
        ("--in-flight", options.in_flight, 1, MAX_IN_FLIGHT),
        ("--duplicates", options.duplicates, 0, 1),
        ("--max-seconds", options.max_seconds, 1, MAX_SECONDS),
        ("--processes", options.processes, 1, MAX_PROCESSES),
        ("--rate", options.rate, 0, MAX_REQUESTS),
    ):
        if not least <= value <= most:
            raise OptionError(option, f"must be {least:,} to {most:,}")
    levels = options.skus * options.locations
    if levels > MAX_LEVELS:
        raise OptionError("--skus", f"with --locations makes {levels:,} stock levels; at most {MAX_LEVELS:,} may be")
    if options.rate * options.seconds > MAX_REQUESTS:
        raise OptionError("--rate", f"with --seconds makes more than {MAX_REQUESTS:,} arrivals")
    if len(options.run_id) > MAX_RUN_ID_LENGTH or not _RUN_ID.fullmatch(options.run_id):
        raise OptionError("--run-id", f"must be 1 to {MAX_RUN_ID_LENGTH} letters, digits, dots or dashes")


def chosen(scenario: str, defaults: Mapping[str, Any], given: Mapping[str, Any]) -> Options:
    """Returns the options of a scenario: its own defaults, and over them what was given (None: nothing).

    Raises OptionError for one that cannot be, or that says nothing to the scenario or to the way of asking.
    """
    values = dict(defaults)
    for name, value in given.items():
        if value is None:
            continue
        if name in _OF_SOME_SCENARIOS and name not in defaults:
            raise OptionError(f"--{name.replace('_', '-')}", f"says nothing to {scenario}")
        values[name] = value
    if values.get("closed") and given.get("rate") is not None:
        raise OptionError("--rate", "says nothing to a closed loop, which asks as soon as it was answered")
    if "in_flight" not in values:
        # Whole batches must fit into it while as many reservations gather, and every caller of a closed loop.
        gathering = IN_FLIGHT_PER_BATCH * values.get("batch", 1) if values.get("batch", 1) > 1 else 0
        wanted = max(DEFAULT_IN_FLIGHT, gathering, values.get("closed", 0))
        values["in_flight"] = min(MAX_IN_FLIGHT, wanted)
    options = Options(scenario=scenario, **values)
    check(options)
    if not options.closed:
        _check_arrivals(options, defaults)
    return options


def _check_arrivals(options: Options, defaults: Mapping[str, Any]) -> None:
    """Raises OptionError if nobody would come. Who comes in an open loop is said by a rate, a number, or a file."""
    if "rate" in defaults and not options.rate:
        raise OptionError("--rate", "must be above 0 in an open loop")
    if "buyers" in defaults and not options.buyers:
        raise OptionError("--buyers", "must be at least 1 in an open loop")


_OF_SOME_SCENARIOS: Final = frozenset(
    {
        "units",
        "skus",
        "locations",
        "channels",
        "rate",
        "exponent",
        "lines",
        "orders",
        "mapping",
        "limit",
        "stock_share",
    }
)
