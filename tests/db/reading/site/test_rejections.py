"""Rejected objects, as a person looks through them."""

import pytest

from db.corrections import Author, dismiss, release
from db.reading.site import rejections
from db.reading.site.rejections import RejectionFilter
from severity.domain import Reason
from tests.builders.archive import Archive, Film

SPOON = Film("spoon", rejected=Reason.NOT_CHEST)
FORK = Film("fork", rejected=Reason.NOT_CHEST)
SIDE = Film("side", rejected=Reason.LATERAL)
AUTHOR = Author("dr.roe", "it is a spoon")


@pytest.fixture
def archive(database):
    return Archive(database)


def listed(archive, chosen=None, **page):
    chosen = chosen or RejectionFilter()
    shown = archive.do(rejections.rejected, chosen, **{"limit": 9} | page)
    films = {archive.object(film): film.name for film in archive.films.values()}
    return [films[rejection.object_id] for rejection in shown]


def test_the_latest_decisions_come_first_a_page_at_a_time(archive):
    for film in (SPOON, SIDE, FORK):
        archive.add(film)

    assert listed(archive) == ["fork", "side", "spoon"]
    assert listed(archive, limit=2) == ["fork", "side"]
    assert listed(archive, limit=2, offset=2) == ["spoon"]

    archive.do(release, AUTHOR, [archive.object(SPOON)])
    archive.score()
    assert listed(archive) == ["spoon", "fork", "side"]


def test_they_are_chosen_by_reason_and_source(database, archive):
    archive.add(SPOON, SIDE, Film("accepted"))
    other = Archive(database, "/other")
    other.add(FORK)

    assert listed(archive, RejectionFilter(reason=Reason.LATERAL)) == ["side"]
    chosen = RejectionFilter(reason=Reason.NOT_CHEST, source="/other")
    assert listed(other, chosen) == ["fork"]
    assert archive.do(rejections.count, chosen) == 1
    assert archive.do(rejections.count, RejectionFilter()) == 3


def test_what_is_dismissed_is_listed_when_it_is_asked_for(archive):
    archive.add(SPOON, SIDE)
    archive.do(dismiss, AUTHOR, [archive.object(SPOON)])

    assert listed(archive) == ["side"]
    assert sorted(listed(archive, RejectionFilter(with_dismissed=True))) == ["side", "spoon"]


def test_one_object_is_shown_with_its_places_its_decision_and_its_history(archive):
    archive.add(SPOON, Film("spoon", rejected=Reason.NOT_CHEST, key="copy.dcm"))
    object_id = archive.object(SPOON)
    archive.do(dismiss, AUTHOR, [object_id])

    stored = archive.do(rejections.stored_object, object_id)

    assert (stored.state, stored.reason) == ("rejected", "not_chest")
    assert stored.detail == "because of not_chest"
    assert stored.content_sha256 == SPOON.content_sha256
    assert sorted(place.object_key for place in stored.places) == ["copy.dcm", "spoon.dcm"]
    (event,) = stored.corrections
    assert (event.who, event.why, event.what) == (
        "dr.roe",
        "it is a spoon",
        "rejection dismissed",
    )
    assert event.before == {"dismissed_at": None}
    assert archive.do(rejections.stored_object, object_id + 1) is None
