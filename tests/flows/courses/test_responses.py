"""Responses follow what is stored: films, events, merges, and what a person removes."""

from datetime import timedelta

import numpy as np
import pytest

from db.corrections import forget, merge, split
from db.events import (
    Event,
    EventKind,
    EventTime,
    PatientGroup,
    remove,
    restore,
    store_events,
    store_groups,
)
from flows.courses.update import update_batch, update_courses
from severity.course.response import DAYS, Treatments, respond
from severity.course.series import Films
from severity.domain import TimeSource
from severity.vocabulary.times import DAY_ZERO
from tests.builders.archive import Film
from tests.builders.courses import DAY_0, film
from tests.severity.course.builders import SET

TOLD = (
    "SELECT patient_key, label, day, is_extrapolated FROM event_response"
    " ORDER BY patient_key, label, day"
)


def event(
    day: float = 4, *, patient: str = "p-1", label: str = "x", end: float | None = None, **more
) -> Event:
    start = EventTime(DAY_0 + timedelta(days=day), is_date=more.pop("is_date", False))
    ended = None if end is None else EventTime(DAY_0 + timedelta(days=end), is_date=False)
    return Event(patient, EventKind.DRUG, label, start, ended, "UTC", **more)


@pytest.fixture
def treat(archive):
    """Store events and bring courses up to date."""

    def treat(*events: Event) -> None:
        archive.do(store_events, "ward", events)
        update_courses(archive.database)

    return treat


def told(archive) -> dict[tuple[object, ...], list[object]]:
    """Return the days that are told of; those beyond the last film are negative."""
    days: dict[tuple[object, ...], list[object]] = {}
    for patient, label, day, is_extrapolated in archive.rows(TOLD):
        days.setdefault((patient, label), []).append(-day if is_extrapolated else day)
    return days


def test_a_response_is_what_the_core_computes(archive, treat):
    days, extents = [0.0, 2.0, 5.0, 9.0], [5.0, 6.0, 2.0, 1.5]
    archive.add(*(film(f"f{n}", day, extents[n]) for n, day in enumerate(days)))

    treat(event(4))

    films = Films(
        np.zeros(4, np.int64),
        np.array(days),
        np.array(extents),
        np.zeros(4, np.int8),
        np.ones(4, bool),
    )
    expected = respond(films, Treatments(np.array([0]), np.array([4.0])), SET.geographic_extent)
    rows = archive.rows(
        "SELECT day, extent_level, extent_change, extent_better, extent_worse, extent_within"
        " FROM event_response ORDER BY day"
    )
    assert [row[0] for row in rows] == list(DAYS)
    assert [row[1] for row in rows] == pytest.approx(expected.level[0], rel=1e-6)
    assert rows[0][2:] == (None, None, None, None)
    for column, numbers in enumerate((expected.change, expected.better, expected.worse), start=2):
        assert [row[column] for row in rows[1:]] == pytest.approx(numbers[0, 1:], rel=1e-5)
    assert told(archive) == {("p-1", "x"): [0, 1, 3, -7, -14]}


@pytest.mark.parametrize(
    ("films", "at"),
    [
        ([1, 2], 2.5),  # none after
        ([3, 4], 2.5),  # none before
        ([0, 100], 50),  # of two episodes
    ],
)
def test_without_a_film_on_either_side_in_one_episode_there_is_no_response(
    archive, treat, films, at
):
    archive.add(*(film(f"f{day}", day) for day in films))

    treat(event(at))

    assert told(archive) == {}


def test_a_film_at_the_very_start_was_taken_before_it(archive, treat):
    archive.add(film("first", 4), film("second", 5))

    treat(event(4))

    assert told(archive) == {("p-1", "x"): [0, 1, -3, -7, -14]}


def test_of_a_date_alone_all_films_of_that_day_were_taken_before(archive, treat):
    archive.add(film("evening", 4.9), film("next", 5))

    treat(event(4, is_date=True))

    assert told(archive) == {("p-1", "x"): [0, -1, -3, -7, -14]}


def test_days_since_day_0_and_dates_are_never_joined(archive, treat):
    offsets = [
        Film(f"o{day}", at=DAY_ZERO + timedelta(days=day), time_source=TimeSource.SIDECAR_OFFSET)
        for day in (0, 9)
    ]
    archive.add(*offsets, film("dated", 0), film("later", 9))
    start = EventTime(DAY_ZERO + timedelta(days=4), is_date=True)
    by_day = Event("p-1", EventKind.DRUG, "by day", start, None, "UTC", calendar_known=False)

    treat(by_day, event(3, label="by date"))

    rows = archive.rows("SELECT label, start_time FROM event_response WHERE day = 0 ORDER BY 1")
    assert rows == [("by date", "2020-03-04T00:00:00Z"), ("by day", "day 4")]
    assert told(archive) == {
        ("p-1", "by date"): [0, 1, 3, -7, -14],
        ("p-1", "by day"): [0, 1, 3, -7, -14],
    }


def test_doses_of_one_drug_start_one_treatment(archive, treat):
    archive.add(film("first", 0), film("last", 30))

    treat(event(1), event(2), event(4), event(8), event(2, label="y", end=9), event(11, label="y"))

    starts = archive.rows(
        "SELECT label, extract(day FROM starts_at) - 1 FROM event_response WHERE day = 0"
        " ORDER BY 1, 2"
    )
    assert starts == [("x", 1), ("x", 8), ("y", 2)]


def test_three_days_after_a_date_alone_count_from_the_end_of_that_day(archive, treat):
    archive.add(film("first", 0), film("last", 30))

    treat(event(0.5, is_date=True), event(4), event(7.2))

    starts = "SELECT count(*) FROM event_response WHERE day = 0"
    assert archive.rows(starts) == [(2,)]


def test_events_films_and_what_a_person_removes_make_the_person_due(archive, treat, author):
    archive.add(film("first", 0), film("other", 0, patient="p-2"))
    treat(event(4))
    assert told(archive) == {}

    archive.add(film("last", 20))
    update_courses(archive.database)
    assert told(archive) == {("p-1", "x"): [0, 1, 3, 7, 14]}

    (event_id,) = (row[0] for row in archive.rows("SELECT id FROM event"))
    archive.do(remove, author, event_id)
    assert told(archive) == {}
    update_courses(archive.database)
    assert archive.rows("SELECT count(*) FROM response") == [(0,)]

    archive.do(restore, author, event_id)
    update_courses(archive.database)
    assert told(archive) == {("p-1", "x"): [0, 1, 3, 7, 14]}
    assert archive.rows("SELECT count(*) FROM course_due") == [(0,)]


def test_events_follow_a_merge_and_its_split(archive, treat, author):
    archive.add(film("first", 0, patient="p-2"), film("last", 20, patient="p-1"))
    treat(event(4))
    assert told(archive) == {}

    archive.do(merge, author, "p-1", "p-2")
    update_courses(archive.database)
    assert told(archive) == {("p-2", "x"): [0, 1, 3, 7, 14]}

    archive.do(split, author, "p-1")
    update_courses(archive.database)
    assert told(archive) == {}


def test_events_of_a_patient_without_films_count_for_whom_the_patient_is_merged_into(
    archive, treat, author
):
    archive.add(film("first", 0), film("last", 20))
    archive.do(merge, author, "p-old", "p-1")
    archive.do(split, author, "p-old")
    treat(event(4, patient="p-old"))

    archive.do(merge, author, "p-old", "p-1")
    update_courses(archive.database)

    assert told(archive) == {("p-1", "x"): [0, 1, 3, 7, 14]}


def test_an_event_that_moved_is_computed_of_both_persons_at_once(archive, treat, author):
    for patient in ("p-1", "p-2"):
        archive.add(
            film(f"{patient}-a", 0, patient=patient), film(f"{patient}-b", 20, patient=patient)
        )
    archive.do(merge, author, "p-old", "p-1")
    treat(event(4, patient="p-old"))
    archive.do(split, author, "p-old")
    archive.do(merge, author, "p-old", "p-2")
    (of_p_1,), (of_p_2,) = archive.rows(
        "SELECT part_of(id) FROM patient WHERE patient_key IN ('p-1', 'p-2') ORDER BY patient_key"
    )

    with archive.database.transaction() as session:
        update_batch(session, [of_p_2])
        # A wait for what that one has written would end in an error.
        with archive.database.transaction() as other:
            update_batch(other, [of_p_1])

    assert told(archive) == {("p-2", "x"): [0, 1, 3, 7, 14]}


def test_a_forgotten_patient_leaves_no_response(archive, treat, author):
    archive.add(film("first", 0), film("last", 20), film("other", 0, patient="p-2"))
    treat(event(4))

    archive.do(forget, author, "p-1")
    update_courses(archive.database)

    for table in ("response", "event", "course_due"):
        assert archive.rows(f"SELECT count(*) FROM {table}") == [(0,)]  # noqa: S608 - a constant


def test_an_update_again_changes_nothing(archive, treat):
    archive.add(film("first", 0), film("last", 20))
    treat(event(4), event(5, label="y"))
    before = archive.rows("SELECT response::text FROM response ORDER BY event_id, day")

    treat(event(4), event(5, label="y"))

    assert archive.rows("SELECT response::text FROM response ORDER BY event_id, day") == before


def test_a_cohort_has_quartiles_by_day_from_the_start_and_by_group(archive, treat):
    levels = {f"p-{n}": float(n) for n in range(1, 6)}
    for patient, extent in levels.items():
        archive.add(film(f"{patient}-a", 0, extent, patient), film(f"{patient}-b", 8, 1, patient))
    groups = [PatientGroup(patient, "arm", "A" if patient < "p-4" else "B") for patient in levels]
    archive.do(store_groups, "ward", groups)

    treat(*(event(1, patient=patient) for patient in levels))

    stored = archive.rows(
        "SELECT patient_key, day, extent_level, extent_change FROM event_response"
        " WHERE NOT is_extrapolated"
    )
    told = "day, treatments, lower_quartile, median, upper_quartile, change_median"
    which = "WHERE score = 'geographic_extent' AND label = 'x'"
    cohort = [
        *archive.rows(f"SELECT 'all', 'all', {told} FROM cohort_response {which}"),  # noqa: S608
        *archive.rows(
            f"SELECT group_name, group_value, {told} FROM cohort_response_by_group {which}"  # noqa: S608
        ),
    ]
    assert {(row[0], row[1], row[2], row[3]) for row in cohort} == {
        (name, value, day, count)
        for name, value, count in (("all", "all", 5), ("arm", "A", 3), ("arm", "B", 2))
        for day in (0, 1, 3, 7)
    }
    arms = {group.patient_key: group.value for group in groups}
    for name, value, day, _, *quartiles, change in cohort:
        chosen = [
            row for row in stored if row[1] == day and (name == "all" or arms[row[0]] == value)
        ]
        expected = np.percentile([row[2] for row in chosen], [25, 50, 75])
        assert quartiles == pytest.approx(expected)
        if day:
            assert change == pytest.approx(np.median([row[3] for row in chosen]))
        else:
            assert change is None


def test_of_merged_patients_the_group_is_that_of_the_person(archive, treat, author):
    archive.add(film("first", 0), film("last", 8), film("own", 3, patient="p-2"))
    archive.do(
        store_groups,
        "ward",
        [
            PatientGroup("p-1", "arm", "A"),
            PatientGroup("p-2", "arm", "B"),
            PatientGroup("p-1", "ICU", "yes"),
        ],
    )
    archive.do(merge, author, "p-1", "p-2")

    treat(event(1))

    groups = archive.rows(
        "SELECT DISTINCT group_name, group_value FROM cohort_response_by_group ORDER BY 1, 2"
    )
    assert groups == [("ICU", "yes"), ("arm", "B")]


def test_of_a_person_without_a_group_each_view_takes_the_same_merged_patients(
    archive, treat, author
):
    archive.add(film("first", 0), film("last", 8))
    archive.add(film("b", 1, patient="p-b"), film("a", 2, patient="p-a"))
    archive.do(
        store_groups, "ward", [PatientGroup("p-b", "arm", "B"), PatientGroup("p-a", "arm", "A")]
    )
    for merged in ("p-b", "p-a"):
        archive.do(merge, author, merged, "p-1")

    treat(event(3))

    assert archive.rows("SELECT DISTINCT group_value FROM cohort_response_by_group") == [("A",)]
    assert archive.rows("SELECT patient_key, group_value FROM group_membership") == [("p-1", "A")]
    assert archive.rows("SELECT groups FROM worklist") == [(["arm=A"],)]


@pytest.mark.parametrize("view", ["event_response", "cohort_response", "cohort_response_by_group"])
def test_each_view_and_column_says_what_it_contains_and_claims_no_cause(archive, view):
    ((described,),) = archive.rows("SELECT obj_description(CAST(:view AS regclass))", view=view)
    columns = archive.rows(
        "SELECT col_description(attrelid, attnum) FROM pg_attribute"
        " WHERE attrelid = CAST(:view AS regclass) AND attnum > 0",
        view=view,
    )

    assert "confounding by indication" in described
    assert "Research use only" in described
    assert all(text for (text,) in columns)
