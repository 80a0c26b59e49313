"""Commands that are imported when they are run or explained, not when they are listed."""

from collections.abc import Mapping, Sequence
from pkgutil import resolve_name

import click


class ListedCommand(click.Command):
    """A command's line in the list of its group, and where the command itself is defined.

    Parameters
    ----------
    name
        The command's name on the command line.
    defined_in
        The command, as ``package.module:name``.
    short_help
        The first line of the command's own help, repeated here so that the list imports nothing.
    """

    def __init__(self, name: str, defined_in: str, short_help: str) -> None:
        super().__init__(name, short_help=short_help)
        self.defined_in = defined_in

    def imported(self) -> click.Command:
        """Import the command and return it."""
        command: click.Command = resolve_name(self.defined_in)
        return command


class LazyGroup(click.Group):
    """A group that imports its listed commands only when they are run or explained.

    Click lists a group by each command's own help, and would import them all for it.
    """

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the name of the command that is asked for, the command, and its arguments."""
        name, command, arguments = super().resolve_command(ctx, args)
        if isinstance(command, ListedCommand):
            command = command.imported()
        return name, command, arguments


class SectionedGroup(LazyGroup):
    """A group whose help lists its commands by what they are for."""

    sections: Mapping[str, Sequence[str]] = {}
    """The names of the commands, by the title of their section, in the order of the help."""

    def format_commands(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's own signature
        formatter: click.HelpFormatter,
    ) -> None:
        """Write the sections."""
        widest = max(map(len, self.commands))
        for title, names in self.sections.items():
            commands = [(name.ljust(widest), self.commands[name]) for name in names]
            with formatter.section(title):
                formatter.write_dl(
                    [(name, command.get_short_help_str(limit=1000)) for name, command in commands]
                )
