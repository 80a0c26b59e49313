"""What the views of courses show, and that each column says what it contains."""

import numpy as np
import pytest

from db.corrections import withdraw
from flows.courses.update import update_courses
from severity.domain import TimeSource, Verdict
from tests.builders.courses import film

VIEWS = (
    *("patient_course", "worklist", "patient_list", "patient_groups", "cohort_course"),
    *(
        "patient_event",
        "event_labels",
        "event_response",
        "cohort_response",
        "cohort_response_by_group",
    ),
)


@pytest.mark.parametrize("view", VIEWS)
def test_each_column_says_what_it_contains(archive, view):
    columns = archive.rows(
        """
        SELECT attname, col_description(attrelid, attnum) FROM pg_attribute
        WHERE attrelid = CAST(:view AS regclass) AND attnum > 0
        """,
        view=view,
    )
    assert columns
    assert [name for name, meaning in columns if not meaning] == []


@pytest.fixture
def shown(archive):
    """Three patients: one of whom gets worse, one with a single film, one steady."""
    archive.add(
        *(film(f"a{day}", day, day / 10, "p-worse") for day in range(0, 80, 10)),
        film("b", 0, 3, "p-single"),
        *(film(f"c{day}", day / 8, 3, "p-steady") for day in range(12)),
    )
    update_courses(archive.database)
    return archive


def test_a_course_is_shown_with_its_verdicts(shown):
    rows = shown.rows(
        """
        SELECT days_since_baseline, geographic_extent, extent_level, extent_low, extent_high,
            extent_worse + extent_better + extent_within, extent_verdict
        FROM patient_course WHERE patient_key = 'p-worse' ORDER BY acquired_at
        """
    )
    assert [row[:2] for row in rows] == [(day, day / 10) for day in range(0, 80, 10)]
    assert all(0 <= low < level < high <= 8 for _, _, level, low, high, *_ in rows)
    assert rows[0][5:] == (None, None)
    assert [row[5] for row in rows[1:]] == pytest.approx([1] * 7)
    assert rows[-1][6] == Verdict.WORSE


def test_a_course_shows_of_each_image_what_is_stored_of_it(archive):
    dated = film("date", 1, 5.5, time_source=TimeSource.ACQUISITION_DATE, zone="Europe/Berlin")
    archive.add(
        film("plain", 0), dated, film("flagged", 3, 8.0, flagged=True, enhanced=True, zone="")
    )
    update_courses(archive.database)
    shown = archive.rows(
        """
        SELECT image_id, acquired_at, view, simulated, time_of_day_known, acquired_zone,
            out_of_distribution, unlike_processing, geographic_extent, opacity,
            geographic_extent_raw, opacity_raw
        FROM patient_course ORDER BY 1
        """
    )
    stored = archive.rows(
        """
        SELECT image_id, acquired_at, view, simulated, NOT is_date_alone(acquired_source),
            acquired_zone, out_of_distribution, unlike_processing, geographic_extent, opacity,
            geographic_extent_raw, opacity_raw
        FROM image JOIN score ON image_id = image.id ORDER BY 1
        """
    )
    assert shown == stored
    assert [row[4:8] for row in shown] == [
        (True, "UTC", None, None),
        (False, "Europe/Berlin", None, None),
        (True, "", "inverted", "enhanced"),
    ]
    columns = "latest_out_of_distribution, latest_unlike_processing"
    assert archive.rows(f"SELECT {columns} FROM worklist") == [(True, True)]  # noqa: S608


def test_a_film_that_is_processed_otherwise_moves_the_level(archive):
    archive.add(film("plain", 0), film("enhanced", 3, 8.0, enhanced=True), film("later", 4, 8.0))
    update_courses(archive.database)

    levels = archive.rows(
        "SELECT unlike_processing, extent_level FROM patient_course ORDER BY acquired_at"
    )
    assert [code for code, _ in levels] == [None, "enhanced", None]
    assert levels[0][1] < levels[1][1] < levels[2][1]
    assert archive.rows("SELECT latest_unlike_processing FROM worklist") == [(False,)]


def test_the_worklist_begins_with_whoever_is_most_probably_worse(shown):
    rows = shown.rows(
        """
        SELECT patient_key, verdict, films, days_since_baseline, extent_peak_level,
            extent_latest_level
        FROM worklist ORDER BY worklist_order, patient_key
        """
    )
    assert [row[:2] for row in rows] == [
        ("p-worse", Verdict.WORSE),
        ("p-steady", Verdict.UNCHANGED),
        ("p-single", None),
    ]
    assert [row[2:4] for row in rows] == [(8, 70), (12, 11 / 8), (1, 0)]
    assert rows[0][4] == rows[0][5] > rows[1][4]


def test_an_image_that_is_withdrawn_is_shown_no_longer_at_once(shown, author):
    shown.do(withdraw, author, shown.image(film("b", 0, 3, "p-single")))
    course = "SELECT FROM patient_course WHERE patient_key = 'p-single'"
    assert shown.rows(course) == []


def test_quartiles_of_a_cohort_are_those_of_its_levels(archive):
    extents = np.random.default_rng(0).uniform(0, 8, 90)
    for first in range(0, 90, 45):
        archive.add(
            *(film(f"f{n}", 0, extents[n], f"p-{n}") for n in range(first, first + 45)),
        )
    update_courses(archive.database)
    levels = [float(level) for (level,) in archive.rows("SELECT extent_level FROM course")]
    ((day, films, *quartiles),) = archive.rows(
        """
        SELECT day, films, lower_quartile, median, upper_quartile FROM cohort_course
        WHERE score = 'geographic_extent'
        """
    )
    assert (day, films) == (0, 90)
    assert quartiles == pytest.approx(np.quantile(levels, [0.25, 0.5, 0.75]), abs=0.15)
