"""`holdfast subscriptions`: who follows what, and how far each is behind."""

from collections.abc import Sequence
from typing import Annotated

import typer
from google.protobuf import duration_pb2
from holdfast.inventory.v1 import subscription_service_pb2, watch_pb2

from holdfast_client.client import HoldfastClient
from holdfast_client.command import asking

_HELP = """Who follows what, and how far each has come. A connector that is down shows as a backlog that grows."""

# Of a long filter so many ids are shown; `show --json` has all.
_SHOWN_IDS = 3

subscriptions_app = typer.Typer(help=_HELP, no_args_is_help=True, rich_markup_mode=None)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The subscription's name.", show_default=False)]


@subscriptions_app.command("list")
def list_subscriptions(
    *,
    limit: asking.Limit = asking.DEFAULT_LIMIT,
    target: asking.Target = None,
    as_json: asking.AsJson = False,
) -> None:
    """Show subscriptions with what each has not acknowledged: how many operations, and how old the first of them is.

    Example: holdfast subscriptions list
    """

    async def work(client: HoldfastClient) -> int:
        every = client.list_subscriptions(page_size=asking.PAGE_SIZE)
        return await asking.show(every, limit=limit, as_json=as_json, print_page=_print_subscriptions)

    asking.ask(work, target=target, as_json=as_json)


@subscriptions_app.command("show")
def show(*, name: Name, target: asking.Target = None, as_json: asking.AsJson = False) -> None:
    """Show one subscription.

    Example: holdfast subscriptions show netsuite-movements
    """

    async def work(client: HoldfastClient) -> int:
        subscription = await client.get_subscription(name)
        if as_json:
            asking.print_json(subscription)
            return 0
        _print_subscriptions([subscription])
        if subscription.description:
            asking.print_words(subscription.description)
        return 0

    asking.ask(work, target=target, as_json=as_json)


@subscriptions_app.command("delete")
def delete(*, name: Name, target: asking.Target = None, as_json: asking.AsJson = False) -> None:
    """Delete a subscription with its place. Whoever follows under its name must begin anew.

    Example: holdfast subscriptions delete netsuite-movements
    """

    async def work(client: HoldfastClient) -> int:
        await client.delete_subscription(name)
        if as_json:
            asking.print_json({"deleted": name})
        else:
            asking.print_words(f"deleted {name}")
        return 0

    asking.ask(work, target=target, as_json=as_json)


def _print_subscriptions(subscriptions: Sequence[subscription_service_pb2.Subscription]) -> None:
    asking.print_table(
        ("subscription", "follows", "acknowledged", "at", "backlog", "backlog age", "open streams"),
        [
            (
                subscription.name,
                _follows(subscription),
                _acknowledged(subscription),
                asking.short_time(subscription.acknowledge_time),
                subscription.backlog_operation_count,
                _age(subscription.backlog_age),
                subscription.open_stream_count,
            )
            for subscription in subscriptions
        ],
    )


def _acknowledged(subscription: subscription_service_pb2.Subscription) -> str:
    if not subscription.HasField("acknowledged_revision"):
        return "nothing yet"
    return asking.place_of(subscription.acknowledged_revision)


def _follows(subscription: subscription_service_pb2.Subscription) -> str:
    kind = subscription.WhichOneof("follows") or ""
    of: watch_pb2.AvailabilityFilter | watch_pb2.MovementFilter = subscription.movements
    if kind == "availability":
        of = subscription.availability
    parts = [
        f"{word} {_few(ids)}"
        for word, ids in (("channels", of.channels), ("locations", of.locations), ("SKUs", of.skus))
        if ids
    ]
    return f"{kind}: {'; '.join(parts) or 'all'}"


def _few(ids: Sequence[str]) -> str:
    rest = len(ids) - _SHOWN_IDS
    return ", ".join(ids[:_SHOWN_IDS]) + (f" and {rest} more" if rest > 0 else "")


def _age(age: duration_pb2.Duration) -> str:
    seconds = age.ToNanoseconds() / 1e9
    if not seconds:
        return ""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"
