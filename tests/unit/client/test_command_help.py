"""Every command teaches: it has help with an example, and takes what all commands take."""

import pytest
import typer
from typer.testing import CliRunner

from holdfast_client import command


def every_command(app: typer.Typer, *path: str) -> list[tuple[str, ...]]:
    """The words of every command, those in groups included."""
    found = [(*path, registered.name or "") for registered in app.registered_commands]
    for group in app.registered_groups:
        assert group.typer_instance is not None
        found += every_command(group.typer_instance, *path, group.name or "")
    return found


COMMANDS = every_command(command.build())


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_has_help_with_an_example(words: tuple[str, ...]) -> None:
    result = CliRunner().invoke(command.build(), [*words, "--help"])
    assert result.exit_code == 0
    assert f"Example: holdfast {' '.join(words)}" in " ".join(result.stdout.split())


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_that_asks_takes_a_target_and_json(words: tuple[str, ...]) -> None:
    if words[0] in {"serve", "replay"}:
        pytest.skip("asks in a way of its own")
    result = CliRunner().invoke(command.build(), [*words, "--help"])
    assert "--target" in result.stdout
    assert "--json" in result.stdout
