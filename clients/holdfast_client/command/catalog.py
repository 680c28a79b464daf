"""`holdfast items`, `locations`, `pools` and `channels`: what is sold, where it lies, and who sells it."""

from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum
from typing import Annotated, Final

import typer
from holdfast.inventory.v1 import catalog_pb2, catalog_service_pb2

from holdfast_client.client import HoldfastClient
from holdfast_client.command import asking

_ORDER_OF_THINGS = """
From nothing to a sale: locations put, pools put, channels put, items put, receive, reserve.
"""

_ITEMS_HELP = f"""Say what is sold, and see it. Many items come in faster with import items.
{_ORDER_OF_THINGS}"""
_LOCATIONS_HELP = f"""Say where units lie, and see it.
{_ORDER_OF_THINGS}"""
_POOLS_HELP = f"""Say which locations are sold from, in which order, and see it.
{_ORDER_OF_THINGS}"""
_CHANNELS_HELP = f"""Say who sells, each from which pool, and see it.
{_ORDER_OF_THINGS}"""


def _group(words: str) -> typer.Typer:
    return typer.Typer(help=words, no_args_is_help=True, rich_markup_mode=None)


items_app = _group(_ITEMS_HELP)
locations_app = _group(_LOCATIONS_HELP)
pools_app = _group(_POOLS_HELP)
channels_app = _group(_CHANNELS_HELP)

Name = Annotated[str, typer.Option("--name", help="The name for people.")]


class LocationKind(StrEnum):
    """The kinds of place where units lie."""

    WAREHOUSE = "warehouse"
    STORE = "store"
    THIRD_PARTY = "third_party"


@items_app.command("put")
def put_item(
    *,
    sku: Annotated[str, typer.Argument(metavar="SKU", help="The SKU.", show_default=False)],
    name: Name = "",
    unit: Annotated[str, typer.Option("--unit", help="What quantities count, such as gram; else pieces.")] = "",
    scale: Annotated[
        int,
        typer.Option(
            "--scale",
            min=0,
            max=6,
            help="Decimal places of a quantity: at 3, 1250 are 1.250 units. Fixed once there is stock.",
        ),
    ] = 0,
    inactive: Annotated[bool, typer.Option("--inactive", help="It is no longer sold.")] = False,
    parts: Annotated[
        list[str] | None,
        typer.Option(
            "--part",
            metavar="SKU=QUANTITY",
            help="It is a kit, sold out of the stock of its parts; so many units of this one are in it. May be "
            "repeated.",
        ),
    ] = None,
    request_id: asking.RequestId = None,
    target: asking.Target = None,
    as_json: asking.AsJson = False,
) -> None:
    """Create an item, or replace it. All of it is replaced: what is left out is not kept.

    Example: holdfast items put 85123A --name "Heart lantern"

    Example: holdfast items put GIFT-SET --name "Two lanterns and a candle" --part 85123A=2 --part 84029G=1
    """
    item = catalog_pb2.Item(
        sku=sku,
        display_name=name,
        base_unit=unit,
        scale=scale,
        inactive=inactive,
        parts=[
            catalog_pb2.KitPart(sku=part, quantity=quantity) for part, quantity in map(asking.quantity_of, parts or ())
        ],
    )
    _put(lambda client: client.put_items([item], request_id=request_id), target=target, as_json=as_json)


@items_app.command("list")
def list_items(
    *,
    limit: asking.Limit = asking.DEFAULT_LIMIT,
    target: asking.Target = None,
    as_json: asking.AsJson = False,
) -> None:
    """Show the items, by SKU.

    Example: holdfast items list --limit 20
    """

    async def work(client: HoldfastClient) -> int:
        every = client.list_items(page_size=asking.PAGE_SIZE)
        return await asking.show(every, limit=limit, as_json=as_json, print_page=_print_items)

    asking.ask(work, target=target, as_json=as_json)


@locations_app.command("put")
def put_location(
    *,
    location: Annotated[str, typer.Argument(metavar="LOCATION", help="Its id.", show_default=False)],
    name: Name = "",
    kind: Annotated[
        LocationKind | None, typer.Option("--kind", help="What kind of place it is; decides nothing.")
    ] = None,
    segment: Annotated[
        str, typer.Option(metavar="SEGMENT", help="The segment that decides about it, for ever; else the first one.")
    ] = "",
    request_id: asking.RequestId = None,
    target: asking.Target = None,
    as_json: asking.AsJson = False,
) -> None:
    """Create a place where units lie, or replace what is said of it. Put it in a pool to sell from it.

    Example: holdfast locations put LONDON --name "London warehouse" --kind warehouse
    """
    told = catalog_pb2.Location(
        location=location,
        display_name=name,
        kind=None if kind is None else catalog_pb2.LocationKind.Value(f"LOCATION_KIND_{kind.name}"),
        segment=segment,
    )
    _put(lambda client: client.put_locations([told], request_id=request_id), target=target, as_json=as_json)


@locations_app.command("list")
def list_locations(
    *,
    limit: asking.Limit = asking.DEFAULT_LIMIT,
    target: asking.Target = None,
    as_json: asking.AsJson = False,
) -> None:
    """Show the locations, by id.

    Example: holdfast locations list
    """

    async def work(client: HoldfastClient) -> int:
        every = client.list_locations(page_size=asking.PAGE_SIZE)
        return await asking.show(every, limit=limit, as_json=as_json, print_page=_print_locations)

    asking.ask(work, target=target, as_json=as_json)


@pools_app.command("put")
def put_pool(
    *,
    pool: Annotated[str, typer.Argument(metavar="POOL", help="Its id.", show_default=False)],
    locations: Annotated[
        list[str],
        typer.Argument(metavar="LOCATION", help="All its locations, the first drawn from first.", show_default=False),
    ],
    name: Name = "",
    request_id: asking.RequestId = None,
    target: asking.Target = None,
    as_json: asking.AsJson = False,
) -> None:
    """Create a pool of locations to sell from, or replace it. The new order holds for every decision after.

    Example: holdfast pools put UK LONDON LEEDS STORE-7
    """
    told = catalog_pb2.Pool(pool=pool, display_name=name, locations=locations)
    _put(lambda client: client.put_pools([told], request_id=request_id), target=target, as_json=as_json)


@pools_app.command("list")
def list_pools(
    *,
    limit: asking.Limit = asking.DEFAULT_LIMIT,
    target: asking.Target = None,
    as_json: asking.AsJson = False,
) -> None:
    """Show the pools with their locations, in the order in which they are drawn from.

    Example: holdfast pools list
    """

    async def work(client: HoldfastClient) -> int:
        every = client.list_pools(page_size=asking.PAGE_SIZE)
        return await asking.show(every, limit=limit, as_json=as_json, print_page=_print_pools)

    asking.ask(work, target=target, as_json=as_json)


@channels_app.command("put")
def put_channel(
    *,
    channel: Annotated[str, typer.Argument(metavar="CHANNEL", help="Its id.", show_default=False)],
    pool: Annotated[str, typer.Option("--pool", metavar="POOL", help="The pool that it sells from.")],
    name: Name = "",
    segment: Annotated[
        str, typer.Option(metavar="SEGMENT", help="The segment that is asked first, for ever; else that of its pool.")
    ] = "",
    request_id: asking.RequestId = None,
    target: asking.Target = None,
    as_json: asking.AsJson = False,
) -> None:
    """Create a channel that sells from a pool, or replace it.

    Example: holdfast channels put WEB --pool UK --name "Web shop"
    """
    told = catalog_pb2.Channel(channel=channel, display_name=name, pool=pool, segment=segment)
    _put(lambda client: client.put_channels([told], request_id=request_id), target=target, as_json=as_json)


@channels_app.command("list")
def list_channels(
    *,
    limit: asking.Limit = asking.DEFAULT_LIMIT,
    target: asking.Target = None,
    as_json: asking.AsJson = False,
) -> None:
    """Show the channels, and the pool that each sells from.

    Example: holdfast channels list
    """

    async def work(client: HoldfastClient) -> int:
        every = client.list_channels(page_size=asking.PAGE_SIZE)
        return await asking.show(every, limit=limit, as_json=as_json, print_page=_print_channels)

    asking.ask(work, target=target, as_json=as_json)


_Put = (
    catalog_service_pb2.PutItemsResponse
    | catalog_service_pb2.PutLocationsResponse
    | catalog_service_pb2.PutPoolsResponse
    | catalog_service_pb2.PutChannelsResponse
)


def _put(put: Callable[[HoldfastClient], Awaitable[_Put]], *, target: str | None, as_json: bool) -> None:
    async def work(client: HoldfastClient) -> int:
        answer = await put(client)
        if as_json:
            asking.print_json(answer)
        else:
            again = "  (the first answer again)" if answer.replayed else ""
            asking.print_words(f"in force from {asking.place_of(answer.revision)}{again}")
        return 0

    asking.ask(work, target=target, as_json=as_json)


_STATE_OF: Final = {True: "inactive", False: "active"}


def _print_items(items: Sequence[catalog_pb2.Item]) -> None:
    asking.print_table(
        ("SKU", "name", "unit", "scale", "state", "parts"),
        [
            (
                item.sku,
                item.display_name,
                item.base_unit or "piece",
                item.scale,
                _STATE_OF[item.inactive],
                ", ".join(f"{part.sku}={part.quantity}" for part in item.parts),
            )
            for item in items
        ],
    )


def _print_locations(locations: Sequence[catalog_pb2.Location]) -> None:
    asking.print_table(
        ("location", "name", "kind", "segment"),
        [
            (each.location, each.display_name, asking.short_name(catalog_pb2.LocationKind, each.kind), each.segment)
            for each in locations
        ],
    )


def _print_pools(pools: Sequence[catalog_pb2.Pool]) -> None:
    asking.print_table(
        ("pool", "name", "locations, the first drawn from first"),
        [(each.pool, each.display_name, ", ".join(each.locations)) for each in pools],
    )


def _print_channels(channels: Sequence[catalog_pb2.Channel]) -> None:
    asking.print_table(
        ("channel", "name", "pool", "segment"),
        [(each.channel, each.display_name, each.pool, each.segment) for each in channels],
    )
