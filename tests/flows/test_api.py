"""DataFrames, and the page that documents them."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from db.engine import Database
from db.errors import DatabaseError
from db.reading import tables
from flows import api
from flows.errors import UsageError
from flows.resources import Resources, using
from flows.settings import Settings
from severity.domain import PatientId, TimeSource
from tests.builders.archive import Film, model
from tests.builders.course_archive import CourseArchive, film
from tests.builders.pseudonyms import pseudonym
from tests.builders.settings import SECRET

FOURTH = pseudonym("four")

PAGE = (Path(__file__).parents[2] / "docs/api.md").read_text(encoding="utf-8")
IDENTIFIER = "SIM-0003"


@pytest.fixture
def known(resources: Resources) -> Iterator[Resources]:
    """The resources of a site whose model is the archive's."""
    settings = Settings(**{**resources.settings.model_dump(), "pseudonym_key": SECRET})
    resources.settings = settings.model_copy(update={"model": "v1"})
    with using(resources):
        yield resources


@pytest.fixture
def archive(database: Database, known: Resources) -> CourseArchive:
    """A patient who gets worse, one who does not, and one with a single image."""
    archive = CourseArchive(database)
    worse = known.pseudonym(PatientId(IDENTIFIER))
    archive.follow(
        film("a", 0, 2.0, patient=worse),
        film("b", 3, 6.0, patient=worse),
        film("c", 0, 4.0, patient="p-2"),
        film("d", 3, 4.0, patient="p-2"),
        film("e", 0, 5.0, patient="p-3"),
    )
    archive.treat("dexamethasone", 1, patient=worse)
    archive.treat("dexamethasone", 1, patient="p-2")
    archive.treat("remdesivir", 1, patient="p-2")
    return archive


def documented(heading: str) -> list[str]:
    """The columns that a section of the page lists."""
    section = re.split(r"^## ", PAGE, flags=re.MULTILINE)
    (own,) = [text for text in section if text.startswith(heading)]
    cells = re.findall(r"^\| (`.*?) \|", own, flags=re.MULTILINE)
    return [name for cell in cells for name in re.findall(r"`(\w+)`", cell)]


def test_the_page_documents_each_column(archive: CourseArchive) -> None:
    assert sorted(documented("One patient")) == sorted(api.courses(IDENTIFIER).columns)
    assert sorted(documented("The worklist")) == sorted(api.worklist().columns)
    assert sorted(documented("Responses")) == sorted(api.responses().columns)


def test_the_examples_of_the_page_run(archive: CourseArchive) -> None:
    names: dict[str, object] = {}
    for example in re.findall(r"^```python\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL):
        exec(compile(example, "docs/api.md", "exec"), names)  # noqa: S102 - our own page

    assert isinstance(names["recent"], pd.DataFrame)


def test_a_patient_is_known_by_identifier_and_by_key(archive: CourseArchive) -> None:
    course = api.courses(IDENTIFIER)

    assert list(course.geographic_extent) == [2.0, 6.0]
    assert list(course.extent_verdict.fillna("-")) == ["-", "worse"]
    assert str(course.acquired_at.dt.tz) == "UTC"
    pd.testing.assert_frame_equal(course, api.courses(course.patient_key[0]))


def test_all_patients_come_one_after_another(archive: CourseArchive) -> None:
    frame = api.courses()

    assert len(frame) == 5
    assert frame.patient_key.is_monotonic_increasing
    assert list(frame.columns) == list(api.courses(IDENTIFIER).columns)


def test_a_patient_without_a_course_has_no_row_and_all_columns(archive: CourseArchive) -> None:
    assert api.courses("nobody").empty
    assert list(api.courses("nobody").columns) == list(api.courses().columns)


def test_the_worst_patients_come_first_and_a_limit_holds(archive: CourseArchive) -> None:
    frame = api.worklist()

    assert list(frame.verdict.fillna("-")) == ["worse", "unchanged", "-"]
    assert list(api.worklist(1).verdict) == ["worse"]
    assert list(api.worklist(verdict="unchanged").patient_key) == ["p-2"]
    assert frame.extent_latest_level[0] == pytest.approx(5.9, abs=0.1)


def test_responses_are_of_a_treatment_or_of_a_patient(archive: CourseArchive) -> None:
    assert len(api.responses()) == 15
    assert set(api.responses(label="dexamethasone").patient_key) == {
        "p-2",
        api.courses(IDENTIFIER).patient_key[0],
    }
    own = api.responses(IDENTIFIER)
    assert list(own.day) == [0, 1, 3, 7, 14]
    assert own.extent_better.isna().tolist() == [True, False, False, False, False]


def test_whose_course_lacks_something_is_said(archive: CourseArchive) -> None:
    def due() -> list[set[str]]:
        frames = (api.courses(), api.worklist(), api.responses())
        return [set(frame.patient_key[frame.is_due]) for frame in frames]

    assert due() == [set(), set(), set()]
    archive.add(film("g", 4, patient="p-2"))
    assert due() == [{"p-2"}, {"p-2"}, {"p-2"}]
    assert not api.courses(IDENTIFIER).is_due.any()


def test_a_verdict_that_there_is_not_is_refused(archive: CourseArchive) -> None:
    with pytest.raises(ValueError, match="stable"):
        api.worklist(verdict="stable")


def test_a_limit_is_no_negative_number(archive: CourseArchive) -> None:
    assert api.worklist(0).empty
    with pytest.raises(ValueError, match="-1"):
        api.worklist(-1)


def test_scores_of_two_versions_are_never_joined(archive: CourseArchive) -> None:
    archive.add(film("f", 0, patient="p-2"), by="v2")

    assert set(api.courses().model_version) == {model("v1").key}
    with pytest.raises(UsageError, match="no scores by v9"):
        api.courses(model_version="v9")


def test_nothing_can_be_written_and_no_table_is_seen(archive: CourseArchive) -> None:
    def execute(statement: str) -> None:
        with archive.database.transaction() as session:
            tables.read_as_reader(session)
            session.connection().exec_driver_sql(statement)

    execute("SELECT * FROM patient_course")
    for refused in ("SELECT * FROM patient", "CREATE TEMPORARY TABLE t (a int)"):
        with pytest.raises(DatabaseError):
            execute(refused)


def test_times_without_a_date_are_days(archive: CourseArchive) -> None:
    archive.follow(film("g", 2, patient=FOURTH, time_source=TimeSource.SIDECAR_OFFSET))

    assert not api.courses(FOURTH).calendar_known.any()


def test_a_date_alone_is_told_with_the_zone_that_it_is_a_date_in(archive: CourseArchive) -> None:
    berlin, midnight = "Europe/Berlin", datetime(2020, 3, 5, 23, tzinfo=UTC)
    date_alone = Film(
        "u", FOURTH, at=midnight, time_source=TimeSource.CONTENT_DATE, zone=berlin, extent=3.0
    )
    archive.follow(film("t", 0, patient=FOURTH), date_alone)

    course = api.courses(FOURTH)
    assert list(course.time_of_day_known) == [True, False]
    assert list(course.acquired_zone) == ["UTC", berlin]
    worklist = api.worklist().set_index("patient_key")
    (row,) = worklist.loc[[FOURTH]].itertuples()
    assert (row.latest_at, row.latest_time_known, row.latest_zone) == (midnight, False, berlin)
    assert (row.baseline_time_known, row.baseline_zone) == (True, "UTC")
