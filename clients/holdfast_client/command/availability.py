"""`holdfast availability`: what may be sold now."""

from typing import Annotated

import typer

from holdfast_client.client import HoldfastClient, availability_key
from holdfast_client.command import asking


def availability(
    *,
    skus: Annotated[list[str], typer.Argument(metavar="SKU", help="The SKUs.", show_default=False)],
    channel: Annotated[str | None, typer.Option("--channel", help="To this channel.")] = None,
    location: Annotated[str | None, typer.Option("--location", help="From this location.")] = None,
    target: asking.Target = None,
    as_json: asking.AsJson = False,
) -> None:
    """Show what may be sold now of some SKUs, all of one moment: to a channel or from a location.

    Example: holdfast availability 85123A 84029G --channel WEB
    """
    if (channel is None) == (location is None):
        raise typer.BadParameter("give exactly one of --channel and --location")
    keys = [availability_key(sku, channel=channel, location=location) for sku in skus]

    async def work(client: HoldfastClient) -> int:
        answer = await client.batch_get_availability(keys)
        if as_json:
            for each in answer.availabilities:
                asking.print_json(each)
        elif channel is not None:
            asking.print_table(
                ("SKU", "channel", "available to sell"),
                [(each.sku, each.channel, each.available_to_sell_quantity) for each in answer.availabilities],
            )
        else:
            asking.print_table(
                ("SKU", "location", "available to sell", "sellable", "held", "committed", "net"),
                [
                    (
                        each.sku,
                        each.location,
                        each.available_to_sell_quantity,
                        each.stock_level.sellable_quantity,
                        each.stock_level.held_quantity,
                        each.stock_level.committed_quantity,
                        each.stock_level.net_quantity,
                    )
                    for each in answer.availabilities
                ],
            )
        return 0

    asking.ask(work, target=target, as_json=as_json)
