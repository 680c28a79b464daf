"""`holdfast serve`: starts the authority, which is another program."""

import importlib.util
import os
import sys

import typer

from holdfast_client.command import asking

_SERVER_NEEDS = ("holdfast_server", "psycopg", "redis", "structlog")


def serve(context: typer.Context) -> None:
    """Start the authority. Its own options follow; `holdfast serve -- --help` lists them.

    Example: holdfast serve
    """
    # Looked for but never imported: the client must work without the server. The code of the server comes with that
    # of the client; what it stands on comes with the extra only.
    if any(importlib.util.find_spec(name) is None for name in _SERVER_NEEDS):
        asking.complain("the server is not installed; pip install 'holdfast[server,embedded]' brings it")
        raise typer.Exit(1)
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "holdfast_server", *context.args])
