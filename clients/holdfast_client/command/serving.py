"""`holdfast serve`: starts the authority, which is another program."""

import importlib.util
import os
import sys

import typer

from holdfast_client.command import asking


def serve(context: typer.Context) -> None:
    """Start the authority. Its own options follow; `holdfast serve -- --help` lists them.

    Example: holdfast serve
    """
    # The server is looked for but never imported: the client must work without it.
    if importlib.util.find_spec("holdfast_server") is None:
        asking.complain("the server is not installed; pip install 'holdfast[server,embedded]' brings it")
        raise typer.Exit(1)
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "holdfast_server", *context.args])
