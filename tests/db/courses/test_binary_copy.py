"""What is written as arrays is what PostgreSQL reads, and the other way round."""

import numpy as np
import pytest
from sqlalchemy import text

from db.courses import binary_copy

MADE = """
    CREATE TABLE made (
        large bigint, at timestamptz, middle integer, small smallint, flag boolean, single real,
        double float8, name text, note text
    )
"""


@pytest.fixture
def columns():
    return {
        "large": np.array([2**40, -1, 3]),
        "at": np.array([0, 86_400_000_000, -1]),
        "middle": np.array([7, -8, 9], dtype=np.int32),
        "small": np.ma.masked_equal(np.array([-1, 5, -1], dtype=np.int16), -1),
        "flag": np.array([True, False, True]),
        "single": np.ma.masked_invalid(np.array([0.5, np.nan, 1.5], dtype=np.float32)),
        "double": np.array([0.1, 1e300, -2.5]),
        "name": np.full(3, "v1-ä".encode()),
        "note": np.ma.masked_equal(np.array([b"none", b"Europe/Berlin", b""]), b"none"),
    }


def test_arrays_become_rows_with_null_where_they_are_masked(database, columns):
    with database.transaction() as session:
        session.execute(text(MADE))
        binary_copy.write(session, "made", columns)
        rows = session.execute(
            text(
                "SELECT large, CAST(extract(epoch FROM at - '2000-01-01Z') * 1000000 AS bigint),"
                " middle, small, flag, single, double, name, note FROM made ORDER BY middle"
            )
        ).all()
    assert [tuple(row) for row in rows] == [
        (-1, 86_400_000_000, -8, 5, False, None, 1e300, "v1-ä", "Europe/Berlin"),
        (2**40, 0, 7, None, True, 0.5, 0.1, "v1-ä", None),
        (3, -1, 9, None, True, 1.5, -2.5, "v1-ä", ""),
    ]


def test_rows_become_arrays_of_their_types(database):
    types = {"large": np.int64, "small": np.int16, "flag": np.bool_, "double": np.float64}
    types["name"] = np.dtype("S4")
    query = """
        SELECT * FROM (
            VALUES (1::bigint, 2::smallint, true, 0.1::float8, 'ab  '),
                (-3, -4::smallint, false, 'NaN', 'abcd')
        ) AS made
    """
    with database.transaction() as session:
        columns = binary_copy.read(session, query, types)
        none = binary_copy.read(session, f"{query} WHERE false", types)
    expected = [(1, -3), (2, -4), (True, False), (0.1, np.nan), (b"ab  ", b"abcd")]
    for name, values in zip(types, expected, strict=True):
        assert columns[name].dtype == types[name]
        np.testing.assert_array_equal(columns[name], values)
        assert none[name].shape == (0,)
