"""Results as they are exported: portion by portion, the valid ones and what was sent before."""

from typing import Any
from uuid import uuid4

import pytest

from db import sent
from db.corrections import Author, withdraw
from db.engine import Database
from db.reading.exports import Selection
from db.reading.results import FilmResult, Recipient, results
from db.sent import SentResult
from tests.builders.archive import Archive, Film, model

AUTHOR = Author("dr.roe", "it was wrong")
FILM, OTHER = Film("a"), Film("b", patient="p-2")
ALL = Selection(model().key)


@pytest.fixture
def archive(database: Database) -> Archive:
    archive = Archive(database)
    archive.add(FILM, OTHER)
    return archive


def read(archive: Archive, **options: Any) -> list[FilmResult]:
    with archive.database.transaction() as session:
        return results(session, ALL, **{"limit": 9, **options})


def record(archive: Archive, *images: int) -> int:
    """Record that results of these images were sent; return the destination."""
    with archive.database.transaction() as session:
        destination = sent.destination(session, "hl7", "/there")
        for image in images:
            sent.record(session, destination, model().key, SentResult(uuid4(), image, "ab" * 32))
    return destination


def test_portions_together_are_all_films(archive: Archive) -> None:
    (first,) = read(archive, limit=1)
    (second,) = read(archive, limit=1, after=first.image_id)

    assert [first, second] == read(archive)
    assert read(archive, after=second.image_id) == []


def test_an_invalid_film_is_read_for_a_destination_that_has_it(archive: Archive) -> None:
    destination = record(archive, archive.image(FILM))
    archive.do(withdraw, AUTHOR, archive.image(FILM))
    archive.do(withdraw, AUTHOR, archive.image(OTHER))

    assert read(archive) == []
    (withdrawn,) = read(archive, recipient=Recipient(destination))
    assert (withdrawn.image_id, withdrawn.is_valid) == (archive.image(FILM), False)


def test_what_a_whole_file_took_the_place_of_is_read_as_that(archive: Archive) -> None:
    """Its result has the same identifier."""
    half = Film("half", uid="9.9", key="whole.dcm")
    archive.add(half)
    destination = record(archive, archive.image(half))
    archive.add(Film("whole", uid="9.9", key="whole.dcm", extent=5.0))

    of_uid = [
        film.geographic_extent.points
        for film in read(archive, recipient=Recipient(destination))
        if film.image_uid == "9.9"
    ]
    assert of_uid == [5.0]


def test_a_score_without_a_course_has_no_level(archive: Archive) -> None:
    first, _ = read(archive)

    assert first.geographic_extent.points == FILM.extent
    assert (first.geographic_extent.level, first.geographic_extent.verdict) == (None, None)
    assert first.geographic_extent.interval is None
