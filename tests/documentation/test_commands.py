"""The reference of commands: what each says of itself."""

from documentation.__main__ import PAGES
from documentation.commands import commands_page
from flows.cli.app import app


def test_the_page_has_what_the_commands_say_of_themselves() -> None:
    """If this fails, run ``make reference``."""
    assert (PAGES / "commands.md").read_text(encoding="utf-8") == commands_page(app)
