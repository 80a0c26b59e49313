"""Which film is the latest, and when: the same in the worklist, on the page and in the terminal."""

import csv
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from db.corrections import Author, begin
from db.events import Event, EventKind, EventTime, store_events
from db.reading import courses
from flows.courses.update import update_courses
from flows.dashboard import server
from flows.dashboard.clock import days_since
from flows.reports.courses.axis import TimeAxis, segments, ticks
from flows.reports.courses.text import event_days, when
from flows.reports.courses.words import latest
from flows.resources import Resources
from severity.domain import TimeSource
from severity.vocabulary.times import DAY_ZERO
from tests.builders.archive import Film, model
from tests.builders.course_archive import CourseArchive, film

BERLIN, NEW_YORK = "Europe/Berlin", "America/New_York"


@pytest.fixture
def archive(database) -> CourseArchive:
    return CourseArchive(database)


@pytest.fixture
def serve(resources: Resources) -> Iterator[Callable[[], str]]:
    """Serve the dashboard of what there is by now; the value is its address."""
    settings = resources.settings.model_copy(update={"model": "v1", "dashboard_port": 0})
    with ExitStack() as stack:
        yield lambda: stack.enter_context(server.serving(replace(resources, settings=settings)))


def words(page: str) -> str:
    """The text of a page, without tags."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page))


def course(archive: CourseArchive) -> courses.Course:
    return archive.as_reader(courses.course, "p-1", model().key)


def treat(archive: CourseArchive, *events: Event) -> None:
    with archive.database.transaction() as session:
        begin(session, Author("dr.roe", "imported"), "treatments imported")
        store_events(session, "import", list(events))
    update_courses(archive.database)


def numbered(day: int, extent: float) -> Film:
    """A film of which the day since the patient's day 0 is known, and no date."""
    at = DAY_ZERO + timedelta(days=day)
    return Film(f"o{day}", at=at, extent=extent, time_source=TimeSource.SIDECAR_OFFSET)


def drug(label: str, at: datetime, zone: str, *, is_date: bool, **more: bool) -> Event:
    return Event("p-1", EventKind.DRUG, label, EventTime(at, is_date=is_date), None, zone, **more)


def test_a_date_alone_is_shown_as_that_date(archive, serve) -> None:
    """It is kept as its midnight, which east of Greenwich is the day before in UTC."""
    midnight = datetime(2023, 4, 4, 22, tzinfo=UTC)
    dated = {"time_source": TimeSource.STUDY_DATE, "zone": BERLIN}
    archive.follow(
        Film("a", at=midnight - timedelta(days=5), **dated), Film("b", at=midnight, **dated)
    )
    address = serve()

    assert "2023-04-05" in re.findall(r"<time.*?</time>", httpx.get(address).text)[0]
    (row,) = csv.DictReader(httpx.get(f"{address}/worklist.csv").text.splitlines())
    assert row["latest_at"] == "2023-04-05"
    assert "Last film 2023-04-05" in words(httpx.get(f"{address}/patients/p-1").text)
    (segment,) = segments(course(archive))
    labels = [label for _, label in ticks(segment, TimeAxis.CALENDAR, most=9)]
    assert labels[0] == "31 Mar\n2023"
    assert labels[-1] == "5 Apr"


def test_times_are_those_of_where_the_film_was_taken(archive, serve) -> None:
    """Two treatments and a film of one evening are of one day."""
    evening = datetime(2020, 3, 6, 1, tzinfo=UTC)
    archive.follow(
        Film("a", at=evening - timedelta(days=3), zone=NEW_YORK),
        Film("b", at=evening, zone=NEW_YORK),
    )
    minutes, midnight = timedelta(minutes=30), datetime(2020, 3, 5, 5, tzinfo=UTC)
    treat(
        archive,
        drug("dexamethasone", evening + minutes, NEW_YORK, is_date=False),
        drug("remdesivir", midnight, NEW_YORK, is_date=True),
    )
    shown = course(archive)

    assert when(shown.images[-1]) == "2020-03-05 20:00"
    assert {event_days(event)[0] for event in shown.events} == {"2020-03-05"}
    page = words(httpx.get(f"{serve()}/patients/p-1").text)
    assert "Last film 2020-03-05 20:00" in page
    assert "2020-03-06" not in page


def test_films_and_treatments_count_days_from_one_day_0(archive, serve) -> None:
    """The course's own days count from the baseline."""
    archive.follow(numbered(5, 3.0), numbered(8, 6.0))
    at = DAY_ZERO + timedelta(days=6)
    treat(archive, drug("dexamethasone", at, "UTC", is_date=True, calendar_known=False))
    shown = course(archive)

    assert [when(image) for image in shown.images] == ["day 5", "day 8"]
    assert [event_days(event) for event in shown.events] == [("day 6", "")]
    assert [image.days for image in shown.images] == [0, 3]


def test_a_dated_film_is_later_than_one_of_which_a_days_number_is_known(archive, serve) -> None:
    archive.follow(
        film("c0", 0, 2.0),
        film("c1", 3, 6.5),
        numbered(0, 6.0),
        numbered(4, 1.5),
    )
    address = serve()

    last = latest(course(archive).images)
    assert last is not None
    assert last.geographic_extent.verdict == "worse"
    assert "worse" in words(httpx.get(address).text).split("p-1")[1]
    page = words(httpx.get(f"{address}/patients/p-1").text)
    assert "Last film 2020-03-04" in page
    assert "since the baseline, 2020-03-01" in page


@pytest.mark.parametrize(
    ("taken", "days"),
    [("2026-03-04T22:59Z", 1), ("2026-03-03T08:00Z", 2), ("2026-03-04T23:00Z", 0)],
)
def test_yesterday_is_the_day_before_today_where_the_film_was_taken(taken: str, days: int) -> None:
    morning = datetime(2026, 3, 5, 7, tzinfo=UTC)
    at = datetime.fromisoformat(taken)

    assert days_since(at, BERLIN, calendar_known=True, now=morning) == days
    assert days_since(at, BERLIN, calendar_known=False, now=morning) is None


def test_episodes_are_numbered_on_each_axis_of_time_as_in_the_terminal(archive, serve) -> None:
    archive.follow(film("a", 0), film("b", 200), numbered(1, 3.0))

    page = words(httpx.get(f"{serve()}/patients/p-1").text)

    assert re.findall(r"Episode \d", page) == ["Episode 1", "Episode 2", "Episode 1"]
    assert [image.episode for image in course(archive).images] == [1, 2, 1]
