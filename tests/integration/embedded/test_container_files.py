"""The container files say what the promises need. No container engine is needed to see that."""

import ast
import json
import re
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def _service(name: str) -> str:
    """The lines of one service of the compose file."""
    compose = (ROOT / "docker-compose.yml").read_text()
    found = re.search(rf"^  {name}:\n((?:    .*\n|\s*\n)+)", compose, re.MULTILINE)
    assert found is not None
    return found[1]


def test_what_postgres_acknowledges_in_a_container_is_on_disk_that_outlives_it() -> None:
    service = _service("postgres")
    assert "image: postgres:18" in service
    for setting in ("fsync=on", "synchronous_commit=on", "full_page_writes=on"):
        assert f"- {setting}\n" in service
    # The image of version 18 declares its volume one level higher than those before it.
    assert ":/var/lib/postgresql\n" in service


def test_valkey_in_a_container_evicts_nothing_and_keeps_nothing() -> None:
    service = _service("valkey")
    assert "image: valkey/valkey:9" in service
    arguments = re.findall(r'^      - "?([^"\n]*)"?$', service, re.MULTILINE)
    pairs = dict(pairwise(arguments))
    assert (pairs["--maxmemory-policy"], pairs["--save"], pairs["--appendonly"]) == ("noeviction", "", "no")
    assert "--requirepass" in pairs
    assert "volumes:" not in service


def test_the_server_waits_for_both_and_is_open_to_this_machine_only() -> None:
    service = _service("holdfast")
    assert re.search(r"postgres:\n +condition: service_healthy", service)
    assert re.search(r"valkey:\n +condition: service_healthy", service)
    assert '"127.0.0.1:50051:50051"' in service
    assert all("healthcheck:" in _service(name) for name in ("postgres", "valkey"))


def test_the_image_runs_as_another_user_than_root_and_its_health_check_is_python() -> None:
    instructions = re.sub(r"\\\n", "", (ROOT / "Dockerfile").read_text())
    assert re.search(r"^USER [1-9]\d*$", instructions, re.MULTILINE)
    check = re.search(r"^HEALTHCHECK .* CMD (\[.*\])$", instructions, re.MULTILINE)
    assert check is not None
    program, option, code = json.loads(check[1])
    assert (program, option) == ("python", "-c")
    assert "HealthStub" in code
    ast.parse(code)
