"""A waiting client is of use only in the process that it was made in; in another one it says so."""

from __future__ import annotations

import os
import subprocess
import sys

from unit.client.scripted import PATIENCE_SECONDS

# In a program of its own, because a fork takes along whatever other threads of the tests hold. What waits for ever in
# the child is ended by its alarm.
PROGRAM = f"""
import os, signal, threading
from holdfast_client import SyncHoldfastClient

client = SyncHoldfastClient("127.0.0.1:1", caller="tests")
listing = client.list_items()
held, over = threading.Event(), threading.Event()

def hold():
    with client._taking, client._closing:
        held.set()
        over.wait()

# What another thread holds during the fork is held in the child for ever.
threading.Thread(target=hold, daemon=True).start()
held.wait()
if os.fork() == 0:
    signal.alarm({PATIENCE_SECONDS / 3:.0f})
    for use in (lambda: client.get_item("85123A"), lambda: next(listing)):
        try:
            use()
        except RuntimeError as error:
            print(error, flush=True)
    listing.close()
    client.close()
    print("closed in the child", flush=True)
    os._exit(0)
os.wait()
over.set()
client.close()
print("closed in the parent", flush=True)
"""


def test_a_client_that_was_made_before_a_fork_says_so_in_the_child() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM],
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE_SECONDS,
        env={**os.environ, "PYTHONPATH": ":".join(sys.path)},
        check=False,
    )
    assert done.stdout.splitlines() == [
        *["the client was made before a fork: make it in the process that uses it"] * 2,
        "closed in the child",
        "closed in the parent",
    ], done.stderr
