"""Results of patients, to be exported in any format."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from uuid import NAMESPACE_OID, uuid5

import pytest

from db.engine import Database
from db.reading.exports import Selection
from db.reading.results import results
from flows.exports.observations import Report
from flows.exports.sending import ResultExport, Written
from flows.resources import Resources
from flows.sources import Inbox, ledger_objects, open_inbox
from severity.domain import Lungs, LungScore, TimeSource, Zone
from tests.builders.archive import model
from tests.builders.course_archive import CourseArchive, film
from tests.builders.postgres import new_database

BASELINE, WORSE = film("a", 0, 2.0), film("b", 2, 6.1234567)
DATED = replace(
    film("c", 4, 2.0),
    time_source=TimeSource.STUDY_DATE,
    zone="Pacific/Auckland",  # whose midnight is another day in UTC
)
FLAGGED = film("d", 6, 7.0, flagged=True)
UNDATED = replace(film("e", 0), at=None)
BY_LUNG = film(
    "f",
    8,
    6.0,
    lungs=Lungs(LungScore(2.3, 1.2), LungScore(3.7, 0.8), dict.fromkeys(Zone, 0.5)),
    enhanced=True,
)
ALL = Selection(model().key)


@pytest.fixture
def archive(database: Database) -> CourseArchive:
    return CourseArchive(database)


@pytest.fixture
def export(database: Database, resources: Resources) -> Callable[..., ResultExport]:
    def export(written_as: Written = Written.FHIR, selection: Selection = ALL) -> ResultExport:
        return ResultExport(database, selection, written_as, resources.result_id)

    return export


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The sources from which films are read again, each as often as it is opened."""
    locations: list[str] = []

    def open_noted(location: str, **options: Any) -> Inbox:
        locations.append(location)
        return open_inbox(location, **options)

    monkeypatch.setattr(ledger_objects, "open_inbox", open_noted)
    return locations


@pytest.fixture(scope="module")
def reports(server_url: str, migrated: str) -> Iterator[dict[str, Report]]:
    """The reports of one patient's films, one of each kind, by the film's name.

    Read once: nothing in them changes.
    """
    with new_database(server_url, template=migrated) as url:
        database = Database(url)
        archive = CourseArchive(database)
        archive.follow(BASELINE, WORSE, DATED, FLAGGED, UNDATED, BY_LUNG)
        with database.transaction() as session:
            films = results(session, ALL, limit=99)
        database.dispose()
        yield {
            film.image_uid.removeprefix("1."): Report(uuid5(NAMESPACE_OID, film.image_uid), film)
            for film in films
        }
