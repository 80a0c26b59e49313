"""Statements that are planned once: values arrive as they were passed."""

import math
from datetime import UTC, datetime
from uuid import UUID

import numpy as np
import pytest
from sqlalchemy import text

from db.engine import Database
from db.prepared import Prepared

TEXTS = ["", "NULL", "a b", 'say "no"', "back\\slash", "{a,b}", "it's", "%s", ":x", "Ä\n", None]


def passed(database: Database, values: object, type_name: str) -> object:
    statement = Prepared(f"SELECT CAST(:values AS {type_name}[])")
    with database.transaction() as session:
        return statement.execute(session, {"values": values}).scalar_one()


def test_texts_of_any_kind_arrive_as_they_were_passed(database: Database):
    assert passed(database, TEXTS, "text") == TEXTS


@pytest.mark.parametrize(
    ("values", "type_name"),
    [
        ([0.1, 1e-300, math.pi, None], "float8"),
        ([1, -(2**62), None], "bigint"),
        ([True, False, None], "boolean"),
        ([datetime(2024, 2, 29, 23, 59, 59, 1, tzinfo=UTC), None], "timestamptz"),
        ([], "text"),
    ],
)
def test_values_arrive_as_they_were_passed(database: Database, values: list[object], type_name):
    assert passed(database, values, type_name) == values


def test_numbers_of_numpy_arrive_to_the_last_bit(database: Database):
    numbers = [np.float64(0.1), np.float64(2) / 3]
    assert passed(database, numbers, "float8") == [float(number) for number in numbers]


def test_single_values_arrive_as_they_were_passed(database: Database):
    statement = Prepared("SELECT CAST(:name AS text), CAST(:id AS uuid), CAST(:none AS integer)")
    values = {"name": 'it\'s "%s"', "id": str(UUID(int=7)), "none": None, "unused": [1]}
    with database.transaction() as session:
        row = statement.execute(session, values).one()
    assert tuple(row) == ('it\'s "%s"', UUID(int=7), None)


def test_a_connection_plans_a_statement_once(database: Database):
    statement = Prepared("SELECT CAST(:number AS integer) + 1")
    with database.transaction() as session:
        numbers = [statement.execute(session, {"number": n}).scalar_one() for n in range(8)]
        planned = session.execute(
            text(
                "SELECT generic_plans + custom_plans FROM pg_prepared_statements WHERE name = :name"
            ),
            {"name": statement.name},
        ).scalars()
        assert list(planned) == [8]
    assert numbers == list(range(1, 9))


def test_a_statement_can_be_executed_again_after_its_transaction_was_rolled_back(
    database: Database,
):
    statement = Prepared("SELECT 1 / CAST(:number AS integer)")
    with database.transaction() as session:
        statement.execute(session, {"number": 1})
        session.rollback()
    with database.transaction() as session:
        assert statement.execute(session, {"number": 1}).scalar_one() == 1
