"""Arguments that name a file, a folder or a location, where a variable of the shell is not set."""

from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from flows.cli.app import app
from flows.cli.lazy_group import ListedCommand
from flows.cli.paths import NamedPath
from tests.builders.commands import Command


def commands(group: click.Group = app) -> Iterator[click.Command]:
    for command in group.commands.values():
        if isinstance(command, click.Group):
            yield from commands(command)
        else:
            yield command.imported() if isinstance(command, ListedCommand) else command


def test_no_command_takes_an_empty_path_for_the_current_folder() -> None:
    types = [parameter.type for command in commands() for parameter in command.params]

    assert all(isinstance(kind, NamedPath) for kind in types if isinstance(kind, click.Path))
    assert any(isinstance(kind, NamedPath) for kind in types)


@pytest.mark.parametrize(
    "arguments",
    [
        ("receive", "--folder", ""),
        ("up", "--home", ""),
        ("db", "backup", ""),
        ("run", "--inbox", ""),
    ],
)
def test_an_empty_argument_is_wrong_use_and_leaves_nothing_behind(
    command: Command, arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)

    refused = command(*arguments)

    assert refused.code == 2
    assert "it is empty: is a variable of the shell not set?" in refused.err
    assert not list(tmp_path.iterdir())
