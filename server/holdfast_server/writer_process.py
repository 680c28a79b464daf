"""The process of the ledger writer.

It is started by a server process, or by a host of several, which hands over the settings as the first line of standard
input and keeps that pipe open: when that one dies, however it dies, the pipe ends and the writer with it.
"""

from __future__ import annotations

import os
import sys
import threading

from holdfast_server import failpoints
from holdfast_server.decide.connections import writer_connection
from holdfast_server.decide.journal import RedisJournal
from holdfast_server.decide.loader import Loader
from holdfast_server.ledger.writer import LedgerWriter
from holdfast_server.settings import Settings
from holdfast_server.telemetry import configure_logs, tune_memory

# How long a round under way may take to end once the server is gone.
_EXIT_GRACE_SECONDS = 3.0


def main() -> None:
    settings = Settings.model_validate_json(sys.stdin.readline())
    configure_logs(settings)
    failpoints.arm(os.environ.get(failpoints.VARIABLE, ""))
    connection = writer_connection(settings)
    tune_memory()
    stop = threading.Event()
    _stop_with_parent(stop)
    LedgerWriter(
        settings=settings,
        journal=RedisJournal(settings=settings, connection=connection),
        rebuilder=Loader(settings=settings, connection=connection),
        stop=stop,
    ).run()


def _stop_with_parent(stop: threading.Event) -> None:
    def watch() -> None:
        sys.stdin.read()
        stop.set()
        threading.Timer(_EXIT_GRACE_SECONDS, lambda: os._exit(1)).start()

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()


if __name__ == "__main__":
    main()
