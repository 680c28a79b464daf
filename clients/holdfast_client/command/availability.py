"""`holdfast availability`: what may be sold now."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Final

import typer
from holdfast.inventory.v1 import stock_pb2

from holdfast_client.client import HoldfastClient, availability_key
from holdfast_client.command import asking


def availability(
    *,
    skus: Annotated[list[str], typer.Argument(metavar="SKU", help="The SKUs.", show_default=False)],
    channel: Annotated[str | None, typer.Option("--channel", help="To this channel.")] = None,
    location: Annotated[str | None, typer.Option("--location", help="From this location.")] = None,
    on: Annotated[
        str, typer.Option("--on", metavar="DATE", help="Show too what can be promised for this day of UTC.")
    ] = "",
    target: asking.Target = None,
    as_json: asking.AsJson = False,
) -> None:
    """Show what may be sold now of some SKUs, all of one moment: to a channel or from a location.

    The revision below the table is that moment: who sells from these numbers can say so with reserve --told --seen.

    Example: holdfast availability 85123A 84029G --channel WEB

    Example: holdfast availability 85123A --location LONDON --on 2026-03-10
    """
    if (channel is None) == (location is None):
        raise typer.BadParameter("give exactly one of --channel and --location")
    promise_time = asking.moment(on) if on else None
    keys = [availability_key(sku, channel=channel, location=location, promise_time=promise_time) for sku in skus]
    columns = [*(OF_A_CHANNEL if channel is not None else OF_A_LOCATION)]
    if on:
        columns.insert(3, (f"to promise on {on}", lambda each: each.available_to_promise_quantity))

    async def work(client: HoldfastClient) -> int:
        answer = await client.batch_get_availability(keys)
        if as_json:
            for each in answer.availabilities:
                asking.print_json(each)
        else:
            print_availabilities(answer.availabilities, columns)
            asking.print_words(f"as of revision {asking.place_of(answer.revision)}")
        return 0

    asking.ask(work, target=target, as_json=as_json)


def print_availabilities(availabilities: Iterable[stock_pb2.Availability], columns: Sequence[Column]) -> None:
    """Print a table with a row for each."""
    asking.print_table(
        [name for name, _ in columns], [[value(each) for _, value in columns] for each in availabilities]
    )


Column = tuple[str, Callable[[stock_pb2.Availability], object]]

OF_A_CHANNEL: Final[tuple[Column, ...]] = (
    ("SKU", lambda each: each.sku),
    ("channel", lambda each: each.channel),
    ("available to sell", lambda each: each.available_to_sell_quantity),
    ("backorder", lambda each: each.backorder_quantity),
)
OF_A_LOCATION: Final[tuple[Column, ...]] = (
    ("SKU", lambda each: each.sku),
    ("location", lambda each: each.location),
    ("available to sell", lambda each: each.available_to_sell_quantity),
    ("sellable", lambda each: each.stock_level.sellable_quantity),
    ("held", lambda each: each.stock_level.held_quantity),
    ("committed", lambda each: each.stock_level.committed_quantity),
    ("backordered", lambda each: each.stock_level.backordered_quantity),
    ("safety", lambda each: each.stock_level.safety_stock_quantity),
    ("net", lambda each: each.stock_level.net_quantity),
    ("in transit", lambda each: each.stock_level.in_transit_quantity),
)
