"""Tables are streamed."""

from io import StringIO

from db.engine import Database
from db.reading.exports import TABLES, Selection, begin_snapshot, columns, copy_table
from tests.builders.archive import Archive, Film, model


class Pieces(StringIO):
    """A file that knows the most lines that it got at once."""

    most_lines = 0

    def write(self, text: str) -> int:
        self.most_lines = max(self.most_lines, text.count("\n"))
        return super().write(text)


def test_no_table_is_held_as_a_whole(database: Database) -> None:
    Archive(database).add(*(Film(f"film-{number}") for number in range(20)))
    file = Pieces()

    with database.transaction() as session:
        begin_snapshot(session)
        rows = copy_table(session, "films", Selection(model().key), file)

    assert rows == 20
    assert file.getvalue().count("\n") == 21
    assert file.most_lines == 1


def test_every_column_says_what_it_contains(database: Database) -> None:
    with database.transaction() as session:
        without = [
            (table, column.name)
            for table in TABLES
            for column in columns(session, table)
            if not column.meaning
        ]

    assert without == []
