"""Images as a person looks for them."""

from datetime import UTC, datetime

import pytest

from db.corrections import Author, merge, withdraw
from db.reading import images
from severity.domain import Reason
from tests.builders.archive import Archive, Film, model

AUTHOR = Author("dr.roe", "it was wrong")
LATE = Film("late", at=datetime(2020, 3, 9, tzinfo=UTC))
EARLY = Film("early", patient="p-2", at=datetime(2020, 3, 1, tzinfo=UTC))


@pytest.fixture
def archive(database):
    archive = Archive(database)
    archive.add(LATE, EARLY)
    return archive


def test_a_person_has_the_images_of_all_merged_patients_whether_or_not_they_count(archive):
    archive.do(merge, AUTHOR, "p-2", "p-1")
    archive.do(withdraw, AUTHOR, archive.image(EARLY))

    by_person = [archive.do(images.of_patient, key) for key in ("p-1", "p-2")]

    assert by_person[0] == by_person[1]
    early, late = by_person[0]
    assert (early.image_uid, early.patient_key, early.person_key) == ("1.early", "p-2", "p-1")
    assert (early.standing, late.standing) == ("withdrawn", "valid")
    assert late.scored_by == (model().key,)


def test_an_image_is_found_by_its_id_and_by_its_uid(archive):
    image = archive.image(LATE)

    by_id = archive.do(images.with_history, str(image))

    assert by_id == archive.do(images.with_history, LATE.image_uid)
    assert [place.object_key for place in by_id[0].places] == ["late.dcm"]
    assert archive.do(images.with_history, "nothing") == []


def test_an_image_states_which_model_version_could_not_score_it(archive):
    archive.queue("v2")
    archive.score(by="v2", fail=Reason.CRASHED_WORKER)

    (found,) = archive.do(images.with_history, LATE.image_uid)

    assert found.image.failed_by == {model("v2").key: "crashed_worker"}


def test_of_a_superseded_image_all_versions_are_found(archive):
    archive.add(Film("whole", uid=LATE.image_uid, key="late.dcm"))

    standings = [found.image.standing for found in archive.do(images.with_history, LATE.image_uid)]

    assert standings == ["valid", "superseded"]
