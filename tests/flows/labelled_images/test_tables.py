from pathlib import Path

import pytest

from flows.errors import UsageError
from flows.labelled_images.tables import Table, read_table


def read(folder: Path, text: str) -> Table:
    (folder / "table.csv").write_text(text, encoding="utf-8")
    return read_table(folder / "table.csv")


def test_rows_have_a_cell_for_each_column_whose_case_and_blanks_do_not_matter(tmp_path: Path):
    table = read(tmp_path, '\ufeffFileName, Points \n\na.png, "1" \n"b, c.png",2\n')

    assert table.columns == ["filename", "points"]
    assert [row["filename"] for row in table.rows] == ["a.png", "b, c.png"]
    assert table.rows[1]["points"] == "2"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("filename,x,y\na.png,2,7,1,5\n", "record 1 has 5 cells, and there are 3 columns"),
        ("filename,x,y\na.png,1,2\nb.png,2,7,\n", "record 2 has 4 cells"),
        ("filename,x,y\na.png,1\n", "record 1 has 2 cells"),
        ("filename,x,\na.png,2,7\n", "record 1 has a cell in a column without a name"),
        ("filename,x,X\na.png,1,2\n", "has the column x twice"),
        ('filename,x\na.png,"1\nb.png,2\n', "unexpected end of data"),
        ("filename,x\n,1\n", "record 1 has no filename"),
        ("filename;x\na.png;1,5\n", "separated by semicolons, and must be by commas"),
        ("Filename\tx\na.png\t1\n", "separated by tabs"),
        ("image,x\na.png,1\n", "has no column filename"),
        ("", "has no column filename"),
    ],
)
def test_a_table_whose_cells_may_belong_elsewhere_is_refused(
    tmp_path: Path, text: str, message: str
):
    with pytest.raises(UsageError, match=message):
        read(tmp_path, text)


def test_columns_without_a_name_are_left_out_if_they_are_empty_or_number_the_rows(tmp_path: Path):
    assert list(read(tmp_path, ",filename,,\n0,a.png,,\n").rows) == [{"filename": "a.png"}]
