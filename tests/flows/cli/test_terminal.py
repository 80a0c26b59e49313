"""What commands print is what was written, whatever signs it has."""

import pytest
from rich.table import Table
from rich.text import Text

from flows.cli.terminal import terminal

WRITTEN = "ward [sic] b[/red]c [1]"


@pytest.fixture
def table() -> Table:
    """A table of what people and files may write."""
    table = Table(title=WRITTEN)
    table.add_column("why")
    table.add_row(WRITTEN)
    table.add_row(Text(WRITTEN))
    return table


def test_brackets_are_no_markup(table: Table, capsys: pytest.CaptureFixture[str]) -> None:
    """Else a part of a reason is lost, and a name of a folder ends the command."""
    terminal().print(table)
    terminal().print(WRITTEN)

    assert capsys.readouterr().out.count(WRITTEN) == 4
