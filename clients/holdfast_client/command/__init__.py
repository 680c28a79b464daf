"""The `holdfast` command: what the client can do, for people and for shell scripts."""

import typer

from holdfast_client.command import (
    audit,
    availability,
    catalog,
    comparing,
    counting,
    fulfillment,
    importing,
    inbound,
    incidents,
    loadtest,
    replay,
    reservations,
    retiring,
    returns,
    rules,
    segments,
    serving,
    stock,
    subscriptions,
    trace,
    transfers,
    watch,
)

_HELP = """Ask the inventory authority, from the command line.

Every command takes --target (or the environment's HOLDFAST_TARGET) and --json, which prints one JSON object a
line. It ends with 0 if what was asked was done, with 1 if it was refused, with 2 if the command was not
understood; import and count --file end with 3 if some rows went in and some did not.

From an empty authority to a sale: locations put, pools put, channels put, items put, receive, reserve.

Example: holdfast reserve 85123A=2 --channel WEB
"""


def build() -> typer.Typer:
    """Put the command together."""
    app = typer.Typer(
        name="holdfast",
        help=_HELP,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    app.command("serve", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(serving.serve)
    app.command("status")(segments.status)
    app.command("availability")(availability.availability)
    app.command("watch")(watch.watch)
    app.command("reserve")(reservations.reserve)
    app.command("commit")(reservations.commit)
    app.command("extend")(reservations.extend)
    app.command("release")(reservations.release)
    app.command("reservation")(reservations.reservation)
    app.add_typer(reservations.reservations_app, name="reservations")
    app.command("fulfill")(fulfillment.fulfill)
    app.command("transfer")(fulfillment.transfer)
    app.command("return")(returns.receive_return)
    app.command("inspect")(returns.inspect)
    app.command("returns")(returns.returns)
    app.command("receive")(stock.receive)
    app.command("adjust")(stock.adjust)
    app.command("count")(counting.count)
    app.command("compare")(comparing.compare)
    app.command("move-status")(stock.move_status)
    app.add_typer(catalog.items_app, name="items")
    app.add_typer(catalog.locations_app, name="locations")
    app.add_typer(catalog.pools_app, name="pools")
    app.add_typer(catalog.channels_app, name="channels")
    app.add_typer(inbound.inbound_app, name="inbound")
    app.add_typer(transfers.transfer_app, name="transfer-stock")
    app.add_typer(rules.rules_app, name="rules")
    app.add_typer(incidents.incidents_app, name="incidents")
    app.add_typer(incidents.parked_app, name="parked")
    app.add_typer(subscriptions.subscriptions_app, name="subscriptions")
    app.command("note-posting")(trace.note_posting)
    app.command("trace")(trace.trace)
    app.command("movements")(audit.movements)
    app.command("verify")(audit.verify)
    app.command("resume")(segments.resume)
    app.add_typer(retiring.segments_app, name="segments")
    app.add_typer(importing.import_app, name="import")
    app.command("replay")(replay.replay)
    app.command("loadtest")(loadtest.loadtest)
    return app


def main() -> None:
    """Run the command with the arguments of the process."""
    build()()
