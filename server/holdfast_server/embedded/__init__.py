"""The supervisor of the bundled Postgres and Valkey.

For a machine that has neither: two ordinary server programs, run as children, on 127.0.0.1 with generated
passwords. Start with `supervisor.py`. Knows nothing of tables, scripts or gRPC; nobody else in the server
knows how a database is started.
"""

from holdfast_server.embedded.errors import EmbeddedError
from holdfast_server.embedded.supervisor import Endpoints, Supervisor

__all__ = ["EmbeddedError", "Endpoints", "Supervisor"]
