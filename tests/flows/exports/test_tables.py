"""Exported tables, read back as analysts read them."""

import csv
import json
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from db.corrections import Author, begin, withdraw
from db.engine import Database
from db.errors import DatabaseError
from db.events import PatientGroup, store_groups
from db.reading import exports
from db.reading.exports import NOTICE_COLUMN, Selection
from flows.errors import UsageError
from flows.exports.tables import ABOUT, DICTIONARY, Format, export_tables
from severity.domain import RESEARCH_USE_ONLY
from tests.builders.archive import model
from tests.builders.course_archive import DAY_ZERO, CourseArchive, film

AUTHOR = Author("dr.roe", "it was wrong")
ALL = Selection(model().key)
FORMULA = '=HYPERLINK("http://evil","x")'
Export = Callable[..., dict[str, pd.DataFrame]]


@pytest.fixture
def archive(database: Database) -> CourseArchive:
    """Two patients, of whom the first got worse, was treated and is in a group."""
    archive = CourseArchive(database)
    archive.follow(
        film("a", 0, 2.0),
        film("b", 2, 6.123456789012345),
        film("c", 1, 3.0, patient="p-2"),
        replace(film("undated", 0, patient="p-2"), at=None),
    )
    archive.treat(FORMULA, 1)
    with database.transaction() as session:
        begin(session, AUTHOR, "treatments imported")
        store_groups(session, "import", [PatientGroup("p-1", "arm", FORMULA)])
    return archive


@pytest.fixture
def export(archive: CourseArchive, tmp_path: Path) -> Export:
    def export(selection: Selection = ALL, written_as: Format = Format.CSV, name: str = "out"):
        folder = tmp_path / name
        export_tables(archive.database, selection, folder, written_as)
        if written_as is Format.CSV:
            return {table: pd.read_csv(folder / f"{table}.csv") for table in exports.TABLES}
        return {
            table: pq.read_table(folder / f"{table}.parquet").to_pandas()
            for table in exports.TABLES
        }

    return export


def test_films_have_every_score_to_the_last_bit(export: Export) -> None:
    films = export()["films"]

    assert list(films["geographic_extent"]) == [2.0, 6.123456789012345, 3.0, 3.0]
    assert list(films["patient_key"]) == ["p-1", "p-1", "p-2", "p-2"]
    assert list(films["calendar_known"]) == ["t", "t", "t", "f"]


def test_courses_and_responses_are_those_of_the_views(export: Export) -> None:
    tables = export()

    assert list(tables["courses"]["extent_verdict"].fillna("")) == ["", "worse", ""]
    assert list(tables["responses"]["day"]) == [0, 1, 3, 7, 14]


def test_a_withdrawn_film_says_so_and_is_in_no_course(
    archive: CourseArchive, export: Export
) -> None:
    archive.do(withdraw, AUTHOR, archive.image(film("b", 2)))
    tables = export()

    assert list(tables["films"]["standing"]) == ["valid", "withdrawn", "valid", "valid"]
    assert len(tables["courses"]) == 2


def test_a_selection_leaves_the_rest_out(export: Export) -> None:
    of_patient = export(Selection(model().key, patient_key="p-2"), name="patient")
    since = export(Selection(model().key, since=DAY_ZERO.replace(day=2)), name="since")
    by_another = export(Selection("v2"), name="another")

    assert len(of_patient["films"]) == 2
    assert (len(of_patient["responses"]), len(of_patient["groups"])) == (0, 0)
    assert list(since["films"]["geographic_extent"]) == [6.123456789012345, 3.0]
    assert len(since["courses"]) == 2
    assert len(by_another["films"]) == 0


def test_no_spreadsheet_runs_the_name_of_a_group_or_of_a_drug(export: Export) -> None:
    tables = export()

    assert list(tables["groups"]["group_value"]) == [f"'{FORMULA}"]
    assert set(tables["responses"]["label"]) == {f"'{FORMULA}"}


def test_parquet_has_the_same_values_with_their_types(export: Export) -> None:
    as_csv, as_parquet = export(), export(written_as=Format.PARQUET, name="parquet")
    films, courses = as_parquet["films"], as_parquet["courses"]

    assert list(films["geographic_extent"]) == list(as_csv["films"]["geographic_extent"])
    assert films["acquired_at"].dt.tz is not None
    assert films["acquired_at"].isna().sum() == 1
    assert films["acquired_at"][0] == pd.Timestamp(DAY_ZERO)
    assert films["simulated"].dtype == bool
    assert list(courses["episode"]) == [1, 1, 1]
    assert list(as_parquet["groups"]["group_value"]) == [FORMULA]
    assert all(frame[NOTICE_COLUMN].all() for frame in as_parquet.values())


def test_the_dictionary_describes_each_column_of_each_table(export: Export, tmp_path: Path) -> None:
    tables = export()
    rows = list(csv.DictReader((tmp_path / "out" / DICTIONARY).read_text().splitlines()))

    described = {(row["table"], row["column"]) for row in rows if row["meaning"] and row["type"]}
    assert described == {(table, column) for table, frame in tables.items() for column in frame}
    assert all(
        RESEARCH_USE_ONLY in row["meaning"] for row in rows if row["column"] == NOTICE_COLUMN
    )


def test_what_is_beside_the_tables_says_what_was_exported(export: Export, tmp_path: Path) -> None:
    export()
    about = json.loads((tmp_path / "out" / ABOUT).read_text())

    assert about["notice"] == RESEARCH_USE_ONLY
    assert about["rows"] == {"films": 4, "courses": 3, "responses": 5, "groups": 1}
    assert about["model_version"] == model().key


def test_only_the_owner_can_read_an_export(export: Export, tmp_path: Path) -> None:
    export()
    modes = {
        stat.S_IMODE(path.stat().st_mode)
        for path in [tmp_path / "out", *(tmp_path / "out").iterdir()]
    }

    assert modes == {0o700, 0o600}


def test_an_export_that_fails_leaves_nothing_behind(
    archive: CourseArchive, export: Export, tmp_path: Path
) -> None:
    with archive.database.transaction() as session:
        session.connection().exec_driver_sql("DROP VIEW group_membership")

    with pytest.raises(DatabaseError):
        export()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_something_in_it_is_left_alone(export: Export, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("mine")

    with pytest.raises(UsageError, match="not empty"):
        export()
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine"]
