"""The page of all commands, from the texts that ``--help`` shows."""

from collections.abc import Iterator
from inspect import cleandoc

import click

from documentation.tables import table
from flows.cli.lazy_group import ListedCommand

_HEAD = """# Commands

Each command with all of its options, as `--help` shows them. `make reference` writes this page from
the program, and a test fails where they differ. What commands are for, with examples, is in the
[how-to guides](../index.md#how-to-guides). A command that fails ends with one line that states the
cause and what to do, and with an [exit code](../operations.md#how-a-command-ends). **Research use
only. Not for diagnosis.**
"""


def commands_page(app: click.Group) -> str:
    """Return the page in Markdown: a section for each command, a chapter for each group."""
    return "\n".join([_HEAD, *_sections(app, "cxr-severity", level=2)])


def _sections(group: click.Group, path: str, *, level: int) -> Iterator[str]:
    """Yield the commands of a group, and after them those of the groups in it."""
    commands = {name: _imported(command) for name, command in group.commands.items()}
    for name, command in sorted(commands.items(), key=lambda item: (_is_chapter(item[1]), item[0])):
        here = f"{path} {name}"
        if _is_chapter(command):
            yield f"{'#' * level} `{here}`\n\n{cleandoc(command.help or '')}\n"
        else:
            yield from _command(command, here, level=level)
        if isinstance(command, click.Group):
            yield from _sections(command, here, level=level + 1)


def _is_chapter(command: click.Command) -> bool:
    """Whether it does nothing but hold commands."""
    return isinstance(command, click.Group) and not command.invoke_without_command


def _imported(command: click.Command) -> click.Command:
    return command.imported() if isinstance(command, ListedCommand) else command


def _command(command: click.Command, path: str, *, level: int) -> Iterator[str]:
    context = click.Context(command, info_name=path)
    usage = " ".join([path, *command.collect_usage_pieces(context)])
    yield f"{'#' * level} `{path}`\n\n```console\n$ {usage}\n```\n"
    yield f"{_prose(command.help or '')}\n"
    records = (option.get_help_record(context) for option in command.get_params(context))
    options = [(f"`{names}`", meaning) for names, meaning in filter(None, records)]
    # Click adds `-h` to a command whose help was shown before.
    options = [row for row in options if not row[0].endswith("--help`")]
    if options:
        yield f"{table(('option', 'meaning'), options)}\n"


def _prose(text: str) -> str:
    """Return a help text as paragraphs of Markdown; what click must not wrap stays as it is."""
    paragraphs = cleandoc(text).split("\n\n")
    return "\n\n".join(
        f"```text\n{kept.removeprefix(chr(8)).strip(chr(10))}\n```" if chr(8) in kept else kept
        for kept in paragraphs
    )
