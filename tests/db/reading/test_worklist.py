"""The worklist, filtered and page by page."""

from base64 import urlsafe_b64encode
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from db.corrections import Author, merge, withdraw
from db.engine import Database
from db.events import PatientGroup, store_groups
from db.reading import worklist
from db.reading.worklist import WorklistFilter, WorklistPage
from severity.domain import Reason, TimeSource, Verdict, View
from tests.builders.archive import model
from tests.builders.course_archive import DAY_ZERO, CourseArchive, film

EVERYBODY = WorklistFilter(model().key)


@pytest.fixture
def archive(database: Database) -> CourseArchive:
    archive = CourseArchive(database)
    archive.follow(
        film("a0", 0, 2.0, patient="p-worse"),
        film("a4", 4, 7.0, patient="p-worse"),
        film("b0", 0, 7.0, patient="p-better"),
        film("b3", 3, 2.0, patient="p-better"),
        film("c0", 0, 3.0, patient="p-same"),
        film("c2", 2, 3.0, patient="p-same"),
        film("d1", 1, 3.0, patient="p-single"),
        film("e1", 2, 3.0, patient="p-zoe"),
    )
    archive.add(film("f0", 0, patient="p-elsewhere"), by="v2")
    return archive


def page(
    archive: CourseArchive, chosen: WorklistFilter = EVERYBODY, **more: object
) -> WorklistPage:
    return archive.as_reader(worklist.worklist_page, chosen, **more)


def keys(archive: CourseArchive, **chosen: object) -> list[str]:
    return [row.patient_key for row in page(archive, replace(EVERYBODY, **chosen)).rows]


def at(day: float) -> datetime:
    return DAY_ZERO + timedelta(days=day)


def group(archive: CourseArchive, patient: str, name: str, value: str) -> None:
    archive.do(store_groups, "import", [PatientGroup(patient, name, value)])


def test_whoever_is_most_probably_worse_comes_first_and_who_has_no_verdict_last(
    archive: CourseArchive,
) -> None:
    """Of those without a verdict whoever has the latest image comes first."""
    rows = page(archive).rows
    assert [row.patient_key for row in rows] == [
        *("p-worse", "p-same", "p-better", "p-zoe", "p-single")
    ]
    assert [row.verdict for row in rows] == [
        *(Verdict.WORSE, Verdict.UNCHANGED, Verdict.BETTER, None, None)
    ]
    worsening = [row.worsening for row in rows if row.worsening is not None]
    assert worsening == sorted(worsening, reverse=True)
    assert len(worsening) == 3


def test_a_row_has_the_levels_of_the_latest_film_and_those_before_it(
    archive: CourseArchive,
) -> None:
    row = page(archive).rows[0]
    assert row.extent is not None
    assert row.opacity is not None
    assert row.extent.low < row.extent.level < row.extent.high
    assert row.opacity.low < row.opacity.level < row.opacity.high
    assert (row.latest_at, row.latest_view, row.images) == (at(4), View.PA, 2)
    assert [time for time, _ in row.recent] == [at(0), at(4)]
    assert row.recent[-1][1] == row.extent.level


def test_a_sparkline_has_the_last_levels_of_the_latest_episode(archive: CourseArchive) -> None:
    days = [200 + day / 2 for day in range(worklist.RECENT + 3)]
    archive.follow(*(film(f"g{day}", day, patient="p-worse") for day in days))
    (row,) = (row for row in page(archive).rows if row.patient_key == "p-worse")
    assert [time for time, _ in row.recent] == [at(day) for day in days[-worklist.RECENT :]]


def test_each_page_goes_on_after_the_one_before(archive: CourseArchive) -> None:
    shown, after = [], None
    while True:
        part = page(archive, limit=2, after=after)
        shown.append([row.patient_key for row in part.rows])
        if (after := part.next) is None:
            break
    assert shown == [["p-worse", "p-same"], ["p-better", "p-zoe"], ["p-single"]]


def test_a_page_that_has_all_rows_is_the_last(archive: CourseArchive) -> None:
    assert (len(page(archive, limit=5).rows), page(archive, limit=5).next) == (5, None)


def cursor(content: str) -> str:
    return urlsafe_b64encode(content.encode()).decode()


@pytest.mark.parametrize(
    "after",
    [
        *("", "no place", "WzFd", "eyJhIjogMX0=", "ä"),
        cursor(f'[{"9" * 400}, "p-x"]'),
        cursor("[" * 5000),
        *(cursor(f'[{order}, "p-x"]') for order in ("1e300", "-1e39", "NaN", "Infinity", '"1"')),
        *(cursor(f"[1, {key}]") for key in (r'"p-\u0000"', r'"p-\ud800"', "null", '{"a": 1}')),
        cursor(f'[1, "p-{"x" * 5000}"]'),
    ],
)
def test_what_is_no_place_in_a_worklist_is_refused(archive: CourseArchive, after: str) -> None:
    with pytest.raises(ValueError, match="place"):
        page(archive, after=after)


def test_patients_are_filtered_by_verdict(archive: CourseArchive) -> None:
    assert keys(archive, verdict="better") == ["p-better"]
    assert keys(archive, verdict="cannot tell") == []


def test_patients_are_filtered_by_the_time_of_their_latest_film(archive: CourseArchive) -> None:
    assert keys(archive, since=at(3)) == ["p-worse", "p-better"]
    assert keys(archive, since=at(3.5)) == ["p-worse"]


def test_days_since_an_unknown_day_0_are_no_date(archive: CourseArchive) -> None:
    days = replace(film("h", 50, patient="p-days"), time_source=TimeSource.SIDECAR_OFFSET)
    archive.follow(days)
    assert "p-days" in keys(archive)
    assert "p-single" in keys(archive, since=at(-9999))
    assert "p-days" not in keys(archive, since=at(-9999))


def test_patients_are_filtered_by_the_view_of_their_latest_film(archive: CourseArchive) -> None:
    assert len(keys(archive, view="PA")) == 5
    assert keys(archive, view="AP") == []


def test_patients_are_filtered_by_group(archive: CourseArchive) -> None:
    group(archive, "p-single", "arm", "placebo")
    group(archive, "p-worse", "arm", "placebo")
    group(archive, "p-better", "arm", "drug")
    assert keys(archive, group="arm=placebo") == ["p-worse", "p-single"]
    assert keys(archive, group="arm=nothing") == []


def test_another_value_of_a_group_replaces_the_one_before(archive: CourseArchive) -> None:
    group(archive, "p-single", "arm", "placebo")
    group(archive, "p-single", "arm", "drug")
    assert keys(archive, group="arm=placebo") == []
    assert keys(archive, group="arm=drug") == ["p-single"]


def test_merged_patients_are_in_the_groups_of_the_person(archive: CourseArchive) -> None:
    group(archive, "p-single", "arm", "drug")
    group(archive, "p-single", "ward", "3")
    group(archive, "p-same", "arm", "placebo")
    archive.do(merge, Author("dr.roe", "one person"), "p-single", "p-same")
    archive.follow()
    assert keys(archive, group="arm=placebo") == ["p-same"]
    assert keys(archive, group="arm=drug") == []
    assert keys(archive, group="ward=3") == ["p-same"]


def test_each_group_is_listed_once_by_name_and_none_of_an_empty_worklist(
    archive: CourseArchive,
) -> None:
    group(archive, "p-single", "arm", "placebo")
    group(archive, "p-worse", "arm", "placebo")
    group(archive, "p-same", "arm", "drug")
    assert archive.as_reader(worklist.groups, model().key) == ["arm=drug", "arm=placebo"]
    assert archive.as_reader(worklist.groups, "v7") == []


def test_a_row_counts_the_films_that_its_model_version_has_not_scored(
    archive: CourseArchive,
) -> None:
    """Those of merged patients too; none that could not be scored, or is withdrawn."""

    def waiting() -> dict[str, int]:
        return {row.patient_key: row.waiting for row in page(archive).rows if row.waiting}

    assert waiting() == {}
    films = [film(f"g{day}", day, patient="p-worse") for day in (1, 2)]
    archive.add(*films, film("h3", 3, patient="p-merged"), by="v2")
    archive.do(merge, Author("dr.roe", "the same person"), "p-merged", "p-worse")
    archive.queue()
    assert waiting() == {"p-worse": 3}

    archive.do(withdraw, Author("dr.roe", "a phantom"), archive.image(films[0]))
    assert waiting() == {"p-worse": 2}

    archive.score(fail=Reason.CRASHED_WORKER)
    assert waiting() == {}


def test_a_row_that_is_not_up_to_date_says_so(archive: CourseArchive) -> None:
    assert not any(row.is_due for row in page(archive).rows)

    archive.do(withdraw, Author("dr.roe", "another person's"), archive.image(film("a0", 0, 2.0)))

    assert [row.patient_key for row in page(archive).rows if row.is_due] == ["p-worse"]
