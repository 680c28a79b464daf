"""The process that carries retirements out, beside decisions and not among them.

A server starts it when there is something to retire, hands over the settings as the first line of standard input, and
keeps that pipe open: when the server dies, the pipe ends and this process with it, after the step that it is at.
"""

from __future__ import annotations

import os
import sys
import threading

import structlog

from holdfast_server import failpoints
from holdfast_server.ledger.errors import LedgerLost
from holdfast_server.ledger.retiring import BrokenHistory, carry_out
from holdfast_server.settings import Settings
from holdfast_server.telemetry import configure_logs

log = structlog.get_logger("holdfast.retirement")

# It is in no hurry: whatever else wants the processor comes first.
_NICENESS = 10


def main() -> None:
    settings = Settings.model_validate_json(sys.stdin.readline())
    configure_logs(settings)
    failpoints.arm(os.environ.get(failpoints.VARIABLE, ""))
    os.nice(_NICENESS)
    stop = threading.Event()

    def watch_parent() -> None:
        sys.stdin.read()
        stop.set()

    threading.Thread(target=watch_parent, name="parent-watch", daemon=True).start()
    try:
        carry_out(settings, stop)
    except (LedgerLost, OSError, BrokenHistory) as error:
        log.error("retirement_stands_still", segment=settings.segment, error=str(error).strip())
        sys.exit(1)


if __name__ == "__main__":
    main()
