"""Who may import whom: data walks one way round, and every driver stays in its folder."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SERVER = ROOT / "server" / "holdfast_server"
CLIENTS = ROOT / "clients"

# The path of a decision. A folder may import those that stand after it, never those before.
PATH_OF_A_DECISION = ("edge", "decide", "ledger", "watch")
# Composition: they put the folders together and are imported by none of them.
COMPOSITION = {"__main__.py", "bootstrap.py", "demo.py", "telemetry.py", "serving"}
# Which folders may use a driver. Whoever composes may also speak gRPC.
HOME_OF_DRIVER = {
    "grpc": {"edge", *COMPOSITION},
    "grpc_health": {"edge", *COMPOSITION},
    "grpc_reflection": {"edge", *COMPOSITION},
    "grpc_status": {"edge", *COMPOSITION},
    "redis": {"decide"},
    "psycopg": {"ledger"},
    "sqlalchemy": {"ledger"},
    "alembic": {"ledger"},
}


def imports_of(source: str) -> Iterator[str]:
    """Full names of all that is imported, at the top of the file or within a function."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute, so that their direction can be read"
            assert node.module is not None
            yield from (f"{node.module}.{name.name}" for name in node.names)


def folder_of(path: Path) -> str:
    """The folder under the server's package, or the file's own name if it lies in none."""
    return path.relative_to(SERVER).parts[0]


SERVER_FILES = sorted(SERVER.rglob("*.py"))
CLIENT_FILES = sorted(CLIENTS.rglob("*.py"))


def test_there_is_a_server_to_look_at() -> None:
    folders = {folder_of(path) for path in SERVER_FILES}
    assert folders >= {"edge", "decide", "ledger", "__main__.py"}


@pytest.mark.parametrize("path", SERVER_FILES, ids=lambda path: str(path.relative_to(SERVER)))
def test_the_server_imports_along_the_path_of_a_decision(path: Path) -> None:
    own = folder_of(path)
    for name in imports_of(path.read_text()):
        if not name.startswith("holdfast_server."):
            continue
        other = name.split(".")[1]
        if own not in COMPOSITION:
            assert other == own or other != "edge", f"nobody imports edge: {name}"
            assert not {other, f"{other}.py"} & COMPOSITION or other == "telemetry", f"composition: {name}"
        if own in PATH_OF_A_DECISION and other in PATH_OF_A_DECISION:
            order = PATH_OF_A_DECISION.index
            assert order(other) >= order(own), f"{own} imports what stands before it: {name}"


@pytest.mark.parametrize("path", SERVER_FILES, ids=lambda path: str(path.relative_to(SERVER)))
def test_a_driver_is_used_only_in_its_folder(path: Path) -> None:
    for name in imports_of(path.read_text()):
        homes = HOME_OF_DRIVER.get(name.split(".")[0])
        assert homes is None or folder_of(path) in homes, name


def test_clients_never_import_the_server() -> None:
    offenders = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in CLIENT_FILES
        for name in imports_of(path.read_text())
        if name.split(".")[0] == "holdfast_server"
    ]
    assert not offenders


def test_an_import_against_the_direction_would_be_seen() -> None:
    """The reading of imports itself: nested ones count, and each form gives the full name."""
    source = "import redis.asyncio\ndef f():\n    from holdfast_server.edge import errors\n"
    assert list(imports_of(source)) == ["redis.asyncio", "holdfast_server.edge.errors"]
