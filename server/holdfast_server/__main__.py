"""The command that runs a server: `python -m holdfast_server`, or `holdfast serve`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import pydantic
import typer

# The bundled servers are started again, by a fork, while gRPC runs; gRPC's own handlers of forks can crash the child,
# which has no use for gRPC. It must be said before gRPC is loaded.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")

from holdfast_server.bootstrap import run
from holdfast_server.embedded.errors import EmbeddedError
from holdfast_server.serving.output import progress
from holdfast_server.settings import Settings


def serve(
    host: Annotated[str | None, typer.Option(help="The address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="The port to listen on; 0 takes any free one.")] = None,
    data_directory: Annotated[
        Path | None, typer.Option(help="Where the bundled PostgreSQL and Valkey keep their data.")
    ] = None,
    demo: Annotated[
        bool | None, typer.Option("--demo/--no-demo", help="Load a small catalogue if there is none.")
    ] = None,
    segment: Annotated[str | None, typer.Option(help="The segment that this server decides.")] = None,
    segments: Annotated[
        str | None, typer.Option(metavar="NAME,NAME", help="Several segments, in sourcing order, instead of one.")
    ] = None,
    processes: Annotated[int | None, typer.Option(help="Server processes that share the port, one loop each.")] = None,
    log_level: Annotated[str | None, typer.Option(help="DEBUG, INFO, WARNING or ERROR.")] = None,
) -> None:
    """Run the inventory authority.

    Without further settings it starts the bundled PostgreSQL and Valkey under the data directory, and serves gRPC on
    127.0.0.1:50051. Your own servers are named by HOLDFAST_POSTGRES_URL and HOLDFAST_REDIS_URL; every other setting
    has a HOLDFAST_ variable too (holdfast_server/settings.py lists them).

    Example: HOLDFAST_PORT=50052 holdfast serve --data-directory /var/lib/holdfast --demo
    """
    given: dict[str, Any] = {
        "host": host,
        "port": port,
        "data_directory": data_directory,
        "demo": demo,
        "segment": segment,
        "segments": segments,
        "processes": processes,
        "log_level": log_level,
    }
    try:
        settings = Settings(**{name: value for name, value in given.items() if value is not None})
    except pydantic.ValidationError as error:
        for problem in error.errors():
            name = ".".join(str(part) for part in problem["loc"])
            progress(f"HOLDFAST_{name.upper()}: {problem['msg']}" if name else problem["msg"])
        raise typer.Exit(2) from error
    try:
        run(settings)
    except (EmbeddedError, OSError, RuntimeError) as error:
        progress(str(error))
        sys.exit(1)
    except ExceptionGroup as group:
        progress("a part of the server failed, so it stopped: " + "; ".join(repr(error) for error in group.exceptions))
        raise


if __name__ == "__main__":
    typer.run(serve)
