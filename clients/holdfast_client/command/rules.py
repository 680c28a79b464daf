"""`holdfast rules`: the rules of the trade, put in force, shown, and removed."""

from collections.abc import Callable, Sequence
from typing import Annotated

import typer
from holdfast.inventory.v1 import rules_pb2

from holdfast_client import rules
from holdfast_client.client import HoldfastClient
from holdfast_client.command import asking

_HELP = """Put the rules of the trade in force, see them, and remove them.

A rule holds for every decision after it, however many SKUs it touches. What it is about is its key: a rule with the
same key replaces the one that was there, and the key is enough to remove it.
"""

rules_app = typer.Typer(help=_HELP, no_args_is_help=True, rich_markup_mode=None)
put_app = typer.Typer(
    help="Put a rule in force, or replace the one with the same key.", no_args_is_help=True, rich_markup_mode=None
)
remove_app = typer.Typer(help="Remove a rule; only its key is named.", no_args_is_help=True, rich_markup_mode=None)
rules_app.add_typer(put_app, name="put")
rules_app.add_typer(remove_app, name="remove")

Sku = Annotated[str, typer.Argument(metavar="SKU", help="The SKU.", show_default=False)]
Channel = Annotated[str, typer.Argument(metavar="CHANNEL", help="The channel.", show_default=False)]
Units = Annotated[int, typer.Argument(metavar="UNITS", min=0, max=10**12, help="The units.", show_default=False)]
Destination = Annotated[str, typer.Argument(metavar="DESTINATION", help="The destination.", show_default=False)]
MostHolds = Annotated[
    int, typer.Argument(metavar="HOLDS", min=0, max=10**12, help="The most open holds.", show_default=False)
]
OfSku = Annotated[str, typer.Option("--sku", help="Of this SKU; else of every SKU.")]
AtLocation = Annotated[str, typer.Option("--location", help="At this location; else at every one.")]
OfCustomer = Annotated[str, typer.Option("--customer", help="The limit of this customer.")]
OfCaller = Annotated[str, typer.Option("--caller", help="The limit of this calling program.")]
EveryCustomer = Annotated[
    bool, typer.Option("--every-customer", help="The limit of customers that have none of their own.")
]
EveryCaller = Annotated[bool, typer.Option("--every-caller", help="The limit of programs that have none of their own.")]


@put_app.command("safety-stock")
def put_safety_stock(
    *,
    units: Units,
    sku: OfSku = "",
    location: AtLocation = "",
    reason: asking.Reason = "",
    target: asking.Target = None,
    as_json: asking.AsJson = False,
) -> None:
    """Units that are not sold, of a SKU, at a location, or both. The most particular rule counts.

    Example: holdfast rules put safety-stock 5 --sku 85123A --location STORE-7
    """
    _need(sku or location, "--sku or --location")
    _put(rules.safety_stock(units, sku=sku, location=location), reason=reason, target=target, as_json=as_json)


@put_app.command("channel-buffer")
def put_channel_buffer(
    *,
    channel: Channel,
    units: Units,
    sku: OfSku = "",
    reason: asking.Reason = "",
    target: asking.Target = None,
    as_json: asking.AsJson = False,
) -> None:
    """Units that a channel does not sell: room for what it sells before it hears that there are no more.

    Example: holdfast rules put channel-buffer MARKETPLACE 2 --sku 85123A
    """
    _put(rules.channel_buffer(channel, units, sku=sku), reason=reason, target=target, as_json=as_json)


@put_app.command("allotment")
def put_allotment(
    *,
    sku: Sku,
    channel: Channel,
    guaranteed: Annotated[
        int, typer.Option("--guaranteed", min=0, max=10**12, help="Units that others may not take meanwhile.")
    ] = 0,
    cap: Annotated[
        int | None, typer.Option("--cap", min=0, max=10**12, help="The most that the channel may reserve.")
    ] = None,
    until: Annotated[
        str, typer.Option("--until", metavar="TIME", help="When the allotment ends; a day of UTC or a time.")
    ] = "",
    reason: asking.Reason = "",
    target: asking.Target = None,
    as_json: asking.AsJson = False,
) -> None:
    """A channel's guaranteed share of a SKU, or its cap, or both. What is used of it is kept when it is replaced.

    Example: holdfast rules put allotment 85123A MARKETPLACE --guaranteed 50 --cap 80 --until 2026-12-27
    """
    expire_time = asking.moment(until) if until else None
    rule = rules.allotment(sku, channel, guaranteed=guaranteed, cap=cap, expire_time=expire_time)
    _put(rule, reason=reason, target=target, as_json=as_json)


@put_app.command("backorder")
def put_backorder(
    *,
    sku: Sku,
    location: Annotated[str, typer.Option("--location", help="The location at which the units are awaited.")],
    cap: Annotated[int, typer.Option("--cap", min=0, max=10**12, help="The most that may wait at a time.")] = 0,
    expected: Annotated[
        str, typer.Option("--expected", metavar="TIME", help="The time that is told to those who wait.")
    ] = "",
    preorder_cap: Annotated[
        int, typer.Option("--preorder-cap", min=0, max=10**12, help="The most that may wait before the release.")
    ] = 0,
    release: Annotated[str, typer.Option("--release", metavar="TIME", help="When the item is released.")] = "",
    reason: asking.Reason = "",
    target: asking.Target = None,
    as_json: asking.AsJson = False,
) -> None:
    """How many units of a SKU may be promised that are not there yet.

    Example: holdfast rules put backorder 85123A --location LONDON --cap 20 --expected 2026-03-10
    """
    rule = rules.backorder(
        sku,
        location,
        cap=cap,
        expected_time=asking.moment(expected) if expected else None,
        preorder_cap=preorder_cap,
        release_time=asking.moment(release) if release else None,
    )
    _put(rule, reason=reason, target=target, as_json=as_json)


@put_app.command("substitution")
def put_substitution(
    *,
    sku: Sku,
    substitutes: Annotated[
        list[str], typer.Argument(metavar="SUBSTITUTE", help="What may be sold instead.", show_default=False)
    ],
    reason: asking.Reason = "",
    target: asking.Target = None,
    as_json: asking.AsJson = False,
) -> None:
    """What may be sold instead of a SKU, unit for unit, the best first.

    Example: holdfast rules put substitution KETTLE-RED KETTLE-BLUE KETTLE-GREEN
    """
    _put(rules.substitution(sku, substitutes), reason=reason, target=target, as_json=as_json)


@put_app.command("hold-limit")
def put_hold_limit(
    *,
    holds: MostHolds,
    customer: OfCustomer = "",
    caller: OfCaller = "",
    every_customer: EveryCustomer = False,
    every_caller: EveryCaller = False,
    reason: asking.Reason = "",
    target: asking.Target = None,
    as_json: asking.AsJson = False,
) -> None:
    """How many open holds a customer or a calling program may have: a defence against hoarding.

    Example: holdfast rules put hold-limit 3 --every-customer
    """
    rule = _hold_limit(holds, customer, caller, every_customer=every_customer, every_caller=every_caller)
    _put(rule, reason=reason, target=target, as_json=as_json)


@put_app.command("distances")
def put_distances(
    *,
    destination: Destination,
    locations: Annotated[
        list[str],
        typer.Argument(metavar="LOCATION=DISTANCE", help="How far it is, in whatever unit.", show_default=False),
    ],
    reason: asking.Reason = "",
    target: asking.Target = None,
    as_json: asking.AsJson = False,
) -> None:
    """How far locations are from a destination. What is not named is farther than what is.

    Example: holdfast rules put distances SCOTLAND LEEDS=340 LONDON=640
    """
    rule = rules.distances(destination, dict(map(_distance, locations)))
    _put(rule, reason=reason, target=target, as_json=as_json)


@remove_app.command("safety-stock")
def remove_safety_stock(
    *,
    sku: OfSku = "",
    location: AtLocation = "",
    reason: asking.Reason = "",
    target: asking.Target = None,
    as_json: asking.AsJson = False,
) -> None:
    """Let units be sold again that were safety stock.

    Example: holdfast rules remove safety-stock --sku 85123A --location STORE-7
    """
    _need(sku or location, "--sku or --location")
    _remove(rules.safety_stock(sku=sku, location=location), reason=reason, target=target, as_json=as_json)


@remove_app.command("channel-buffer")
def remove_channel_buffer(
    *,
    channel: Channel,
    sku: OfSku = "",
    reason: asking.Reason = "",
    target: asking.Target = None,
    as_json: asking.AsJson = False,
) -> None:
    """Let a channel sell what was its buffer.

    Example: holdfast rules remove channel-buffer MARKETPLACE --sku 85123A
    """
    _remove(rules.channel_buffer(channel, sku=sku), reason=reason, target=target, as_json=as_json)


@remove_app.command("allotment")
def remove_allotment(
    *,
    sku: Sku,
    channel: Channel,
    reason: asking.Reason = "",
    target: asking.Target = None,
    as_json: asking.AsJson = False,
) -> None:
    """End a channel's share of a SKU, and its cap.

    Example: holdfast rules remove allotment 85123A MARKETPLACE
    """
    _remove(rules.allotment(sku, channel), reason=reason, target=target, as_json=as_json)


@remove_app.command("backorder")
def remove_backorder(
    *, sku: Sku, reason: asking.Reason = "", target: asking.Target = None, as_json: asking.AsJson = False
) -> None:
    """Promise no more units of a SKU that are not there. Those who wait go on waiting.

    Example: holdfast rules remove backorder 85123A
    """
    _remove(rules.backorder(sku), reason=reason, target=target, as_json=as_json)


@remove_app.command("substitution")
def remove_substitution(
    *, sku: Sku, reason: asking.Reason = "", target: asking.Target = None, as_json: asking.AsJson = False
) -> None:
    """Sell nothing instead of a SKU.

    Example: holdfast rules remove substitution KETTLE-RED
    """
    _remove(rules.substitution(sku), reason=reason, target=target, as_json=as_json)


@remove_app.command("hold-limit")
def remove_hold_limit(
    *,
    customer: OfCustomer = "",
    caller: OfCaller = "",
    every_customer: EveryCustomer = False,
    every_caller: EveryCaller = False,
    reason: asking.Reason = "",
    target: asking.Target = None,
    as_json: asking.AsJson = False,
) -> None:
    """Limit a customer's or a calling program's open holds no more.

    Example: holdfast rules remove hold-limit --every-customer
    """
    rule = _hold_limit(0, customer, caller, every_customer=every_customer, every_caller=every_caller)
    _remove(rule, reason=reason, target=target, as_json=as_json)


@remove_app.command("distances")
def remove_distances(
    *,
    destination: Destination,
    reason: asking.Reason = "",
    target: asking.Target = None,
    as_json: asking.AsJson = False,
) -> None:
    """Forget how far locations are from a destination.

    Example: holdfast rules remove distances SCOTLAND
    """
    _remove(rules.distances(destination), reason=reason, target=target, as_json=as_json)


@rules_app.command("list")
def list_rules(
    *,
    sku: Annotated[str, typer.Option("--sku", help="Only rules about this SKU.")] = "",
    channel: Annotated[str, typer.Option("--channel", help="Only rules about this channel.")] = "",
    location: Annotated[str, typer.Option("--location", help="Only rules about this location.")] = "",
    limit: asking.Limit = asking.DEFAULT_LIMIT,
    target: asking.Target = None,
    as_json: asking.AsJson = False,
) -> None:
    """Show the rules in force.

    Example: holdfast rules list --sku 85123A
    """

    async def work(client: HoldfastClient) -> int:
        every = client.list_rules(sku=sku, channel=channel, location=location, page_size=asking.PAGE_SIZE)
        return await asking.show(every, limit=limit, as_json=as_json, print_page=_print_rules)

    asking.ask(work, target=target, as_json=as_json)


@rules_app.command("move-allotment")
def move_allotment(
    *,
    units: Annotated[
        str, typer.Argument(metavar="SKU=QUANTITY", help="The guaranteed units that are moved.", show_default=False)
    ],
    from_channel: Annotated[str, typer.Option("--from", metavar="CHANNEL", help="The channel that gives.")],
    to_channel: Annotated[str, typer.Option("--to", metavar="CHANNEL", help="The channel that gets.")],
    reason: asking.Reason = "",
    request_id: asking.RequestId = None,
    target: asking.Target = None,
    as_json: asking.AsJson = False,
) -> None:
    """Move guaranteed units from one channel's allotment to that of another, in one step.

    Example: holdfast rules move-allotment 85123A=10 --from MARKETPLACE --to WEB
    """
    sku, quantity = asking.quantity_of(units)

    async def work(client: HoldfastClient) -> int:
        answer = await client.move_allotment(
            sku, quantity, from_channel=from_channel, to_channel=to_channel, reason=reason, request_id=request_id
        )
        if as_json:
            asking.print_json(answer)
        else:
            _print_rules([rules.rule_of(answer.from_allotment), rules.rule_of(answer.to_allotment)])
        return 0

    asking.ask(work, target=target, as_json=as_json)


def _put(rule: rules.RuleKind, *, reason: str, target: str | None, as_json: bool) -> None:
    async def work(client: HoldfastClient) -> int:
        answer = await client.put_rules([rule], reason=reason)
        if as_json:
            asking.print_json(answer)
        else:
            asking.print_words(f"in force from {answer.revision.segment}/{answer.revision.position}")
        return 0

    asking.ask(work, target=target, as_json=as_json)


def _remove(rule: rules.RuleKind, *, reason: str, target: str | None, as_json: bool) -> None:
    async def work(client: HoldfastClient) -> int:
        answer = await client.put_rules(remove=[rule], reason=reason)
        if as_json:
            asking.print_json(answer)
        else:
            asking.print_words(f"no longer in force from {answer.revision.segment}/{answer.revision.position}")
        return 0

    asking.ask(work, target=target, as_json=as_json)


def _need(given: str, what: str) -> None:
    if not given:
        raise typer.BadParameter(f"give {what}")


def _hold_limit(
    holds: int, customer: str, caller: str, *, every_customer: bool, every_caller: bool
) -> rules_pb2.HoldLimit:
    if [bool(customer), bool(caller), every_customer, every_caller].count(True) != 1:
        raise typer.BadParameter("give exactly one of --customer, --every-customer, --caller and --every-caller")
    if customer or every_customer:
        return rules.customer_hold_limit(holds, customer=customer)
    return rules.caller_hold_limit(holds, caller=caller)


def _distance(argument: str) -> tuple[str, int]:
    location, separator, distance = argument.rpartition("=")
    if not (separator and location and distance.isdecimal()):
        raise typer.BadParameter(f"{argument!r} is not of the form LOCATION=DISTANCE")
    return location, int(distance)


def _print_rules(listed: Sequence[rules_pb2.Rule]) -> None:
    rows = []
    for rule in listed:
        kind = rule.WhichOneof("kind") or ""
        about, says = _WORDS[kind](getattr(rule, kind)) if kind in _WORDS else ("", "")
        rows.append((kind.replace("_", " "), about, says))
    asking.print_table(("rule", "about", "says"), rows)


def _about(**keys: str) -> str:
    return ", ".join(f"{name} {value}" for name, value in keys.items() if value)


def _allotment_words(rule: rules_pb2.Allotment) -> str:
    words = [f"guaranteed {rule.guaranteed_quantity}", f"used {rule.used_quantity}"]
    if rule.HasField("cap_quantity"):
        words.append(f"cap {rule.cap_quantity}")
    if rule.HasField("expire_time"):
        words.append(f"until {asking.short_time(rule.expire_time)}")
    return ", ".join(words)


def _backorder_words(rule: rules_pb2.BackorderRule) -> str:
    words = [f"up to {rule.backorder_cap} at {rule.location}"]
    if rule.HasField("expected_time"):
        words.append(f"expected {asking.short_time(rule.expected_time)}")
    if rule.HasField("release_time"):
        words.append(f"up to {rule.preorder_cap} before the release at {asking.short_time(rule.release_time)}")
    return ", ".join(words)


_WORDS: dict[str, Callable[..., tuple[str, str]]] = {
    "safety_stock": lambda rule: (_about(SKU=rule.sku, location=rule.location), f"{rule.quantity} are not sold"),
    "channel_buffer": lambda rule: (_about(channel=rule.channel, SKU=rule.sku), f"{rule.quantity} are not sold"),
    "allotment": lambda rule: (_about(SKU=rule.sku, channel=rule.channel), _allotment_words(rule)),
    "backorder": lambda rule: (_about(SKU=rule.sku), _backorder_words(rule)),
    "substitution": lambda rule: (_about(SKU=rule.sku), "instead: " + ", ".join(rule.substitute_skus)),
    "hold_limit": lambda rule: (
        f"{asking.short_name(rules_pb2.HolderScope, rule.scope).lower()} {rule.name or '(every one)'}",
        f"at most {rule.max_open_holds} open holds",
    ),
    "distances": lambda rule: (
        _about(destination=rule.destination),
        ", ".join(f"{each.location} {each.distance}" for each in rule.locations),
    ),
}
