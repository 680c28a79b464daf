"""A supervisor in a process of its own, as a server process has it: the one that tests kill."""

import signal
import subprocess
import sys
from pathlib import Path

from holdfast_server.embedded.processes import command_line

# Runs a supervisor in another process until it is killed: what a server process is to these tests.
RUNNER = """
import sys, time
from pathlib import Path
from holdfast_server.embedded import EmbeddedError, Supervisor
def say(line):
    print(line, flush=True)
supervisor = Supervisor(data_directory=Path(sys.argv[1]), progress=say)
try:
    endpoints = supervisor.start()
except EmbeddedError as error:
    sys.exit(str(error))
pids = f"{supervisor.postgres_pid} {supervisor.valkey_pid}"
say(f"running {pids} {endpoints.postgres_url} {endpoints.redis_url}")
time.sleep(120)
"""


class OtherProcess:
    """A supervisor in a process of its own, and the servers that it started."""

    def __init__(self, data_directory: Path, environment: dict[str, str] | None = None) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", RUNNER, str(data_directory)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        self.said: list[str] = []
        self.postgres_pid = self.valkey_pid = 0
        self.postgres_url = self.redis_url = ""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line.rstrip())
            if line.startswith("running "):
                _, postgres_pid, valkey_pid, self.postgres_url, self.redis_url = line.split()
                self.postgres_pid, self.valkey_pid = int(postgres_pid), int(valkey_pid)
                return

    def refusal(self) -> str:
        """What it said when it did not start."""
        _, errors = self.process.communicate(timeout=10)
        return errors.strip()

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=10)

    def end_servers(self) -> None:
        self.kill()
        for pid, program in ((self.postgres_pid, "postgres"), (self.valkey_pid, "valkey-server")):
            arguments = command_line(pid)
            if arguments and program in arguments[0]:
                subprocess.run(["kill", f"-{signal.SIGKILL:d}", str(pid)], check=False)
