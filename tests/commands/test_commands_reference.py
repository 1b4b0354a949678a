"""The help teaches, and ``docs/cli.md`` says the same."""

from __future__ import annotations

import shlex
from pathlib import Path

import click
import pytest

from server.cli import main
from tests.commands.reference import contexts, reference

PAGE = Path(__file__).parents[2] / "docs" / "cli.md"
CONTEXTS = list(contexts())
EXAMPLES = sorted(
    {
        line.strip()
        for context in CONTEXTS
        for line in (context.command.epilog or "").splitlines()
        if "crdt-calendar" in line
    }
)


def path_of(context: click.Context) -> str:
    return context.command_path


def test_the_page_is_what_the_commands_say() -> None:
    assert PAGE.read_text() == reference(), "python -m tests.commands.reference > docs/cli.md"


@pytest.mark.parametrize("context", CONTEXTS, ids=path_of)
def test_every_command_has_help_for_itself_and_its_options(context: click.Context) -> None:
    command = context.command
    assert command.help
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{context.command_path} {parameter.name}"
    if not isinstance(command, click.Group):
        assert command.epilog and context.command_path in command.epilog
        assert any(parameter.name == "data" for parameter in command.params)


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_is_a_valid_command_line(
    example: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    # What is before and after a pipe, a redirection or a variable is the shell's.
    _, _, tail = example.partition("crdt-calendar ")
    words = shlex.split(tail.split(" | ")[0].split(" > ")[0].split(" < ")[0].split("   ")[0])
    for word in words:
        if word.endswith((".ics", ".db")):
            Path(word.replace("/backups/", "")).touch()
    words = [word.replace("/backups/", "") for word in words]
    context = click.Context(main, info_name="crdt-calendar")
    command: click.Command = main
    while isinstance(command, click.Group):
        if words == ["COMMAND", "--help"]:
            return
        found = command.get_command(context, words.pop(0))
        assert found is not None
        command = found
        context = click.Context(command, parent=context, info_name=command.name)
    command.make_context(command.name, words, parent=context.parent).close()
