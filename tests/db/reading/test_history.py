"""Who changed what, when and why."""

from datetime import UTC, datetime, timedelta

import pytest

from db.corrections import Author, merge, move, release_failed, split, withdraw
from db.reading import history
from severity.domain import Reason
from tests.builders.archive import Archive, Film

AUTHOR = Author("dr.roe", "it was wrong")
FILM, OTHER = Film("a", patient="p-1"), Film("b", patient="p-2")


@pytest.fixture
def archive(database):
    archive = Archive(database)
    archive.add(FILM, OTHER)
    return archive


def test_an_image_has_its_own_changes_and_those_of_its_object_oldest_first(archive):
    image = archive.image(FILM)
    archive.queue("v2")
    archive.score(by="v2", fail=Reason.CRASHED_WORKER)
    archive.do(release_failed, AUTHOR, image)
    archive.do(withdraw, AUTHOR, image)
    archive.do(withdraw, AUTHOR, archive.image(OTHER))

    events = archive.do(history.of_image, image)

    assert [event.what for event in events] == ["failure released", "image withdrawn"]
    assert {(event.who, event.why) for event in events} == {("dr.roe", "it was wrong")}
    assert all(datetime.now(UTC) - event.at < timedelta(hours=1) for event in events)
    assert (events[1].before, events[1].after) == (
        {"standing": "valid"},
        {"standing": "withdrawn"},
    )


def test_patients_are_named_by_their_keys(archive):
    archive.do(merge, AUTHOR, "p-1", "p-2")
    archive.do(split, AUTHOR, "p-1")
    archive.do(move, AUTHOR, archive.image(FILM), "p-2")

    merged, apart, moved = archive.do(history.of_patient, "p-2")
    assert [merged.what, apart.what] == ["patient merged", "patient split"]
    assert (merged.patient_key, merged.after) == ("p-1", {"merged_into": "p-2"})
    assert moved.what == "image moved"
    assert (moved.before, moved.after) == ({"patient": "p-1"}, {"patient": "p-2"})
    assert archive.do(history.of_patient, "p-1") == [merged, apart, moved]
