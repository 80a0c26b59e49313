"""Withdrawing, restoring and moving an image."""

from datetime import UTC, datetime

import pytest

from db.corrections import move, restore, withdraw
from db.errors import RefusedCorrection
from db.reading import trends
from db.reading.site import balances
from tests.builders.archive import Film, model

FIRST = Film("a", extent=1.0)
SECOND = Film("b", extent=4.0, at=datetime(2020, 3, 5, tzinfo=UTC))
EVENTS = "SELECT who, why, what, image_id, before, after FROM correction ORDER BY id"


def extents(archive, patient="p-1", by="v1"):
    trend = archive.do(trends.trend, patient, model(by).key)
    return [observation.geographic_extent for observation in trend.observations]


def balance_of(archive, by="v1"):
    balance = archive.do(balances.balance, archive.location)
    version = balance.of(model(by).key)
    return balance.withdrawn, version.scored, version.waiting, version.failed


def stored_scores(archive):
    return archive.rows("SELECT score::text FROM score ORDER BY image_id, model_version_id")


def test_a_withdrawn_image_leaves_the_trend_until_it_is_restored(archive, author):
    archive.add(FIRST, SECOND)
    before, image = stored_scores(archive), archive.image(FIRST)

    assert archive.do(withdraw, author, image)
    assert extents(archive) == [4]
    assert balance_of(archive) == (1, 1, 0, 0)

    assert archive.do(restore, author, image)
    assert extents(archive) == [1, 4]
    assert balance_of(archive) == (0, 2, 0, 0)
    assert stored_scores(archive) == before


def test_each_change_is_recorded_with_who_when_why_before_and_after(archive, author):
    archive.add(FIRST)
    image = archive.image(FIRST)
    archive.do(withdraw, author, image)
    archive.do(restore, author, image)

    valid, withdrawn = {"standing": "valid"}, {"standing": "withdrawn"}
    assert archive.rows(EVENTS) == [
        ("dr.roe", "it was wrong", "image withdrawn", image, valid, withdrawn),
        ("dr.roe", "it was wrong", "image restored", image, withdrawn, valid),
    ]
    assert archive.rows("SELECT count(*) FROM correction WHERE at > now() - interval '1 hour'") == [
        (2,)
    ]


def test_what_is_so_already_changes_nothing_and_records_nothing(archive, author):
    archive.add(FIRST)
    image = archive.image(FIRST)

    assert not archive.do(restore, author, image)
    archive.do(withdraw, author, image)
    assert not archive.do(withdraw, author, image)
    assert not archive.do(move, author, image, "p-1")
    assert len(archive.rows(EVENTS)) == 1


def test_a_withdrawn_image_is_scored_by_no_further_model_version_until_it_is_restored(
    archive, author
):
    archive.add(FIRST, SECOND)
    image = archive.image(FIRST)
    archive.queue("v2")
    assert balance_of(archive, "v2") == (0, 0, 2, 0)

    archive.do(withdraw, author, image)
    assert balance_of(archive, "v2") == (1, 0, 1, 0)
    archive.queue("v3")
    archive.score(by="v2")
    assert extents(archive, by="v2") == [4]

    archive.do(restore, author, image)
    assert balance_of(archive, "v2") == (0, 1, 1, 0)
    assert balance_of(archive, "v3") == (0, 0, 2, 0)
    archive.score(by="v2")
    assert extents(archive, by="v2") == [1, 4]


@pytest.mark.parametrize("correct", [withdraw, restore])
def test_an_image_that_does_not_exist_is_refused(archive, author, correct):
    with pytest.raises(RefusedCorrection, match="no image 77"):
        archive.do(correct, author, 77)


def test_a_moved_image_is_in_the_trend_of_the_other_patient_with_the_same_study(archive, author):
    archive.add(FIRST, SECOND)
    before, image = stored_scores(archive), archive.image(FIRST)
    study = "SELECT study_uid FROM study JOIN image ON image.study_id = study.id WHERE image.id = "

    assert archive.do(move, author, image, "p-2")
    assert (extents(archive, "p-1"), extents(archive, "p-2")) == ([4], [1])
    assert archive.rows(f"{study}{image}") == [(f"2.{FIRST.image_uid}",)]

    assert archive.do(move, author, image, "p-1")
    assert (extents(archive, "p-1"), extents(archive, "p-2")) == ([1, 4], [])
    assert stored_scores(archive) == before
    moved, moved_back = archive.rows(EVENTS)
    assert (moved[2], moved[4]) == ("image moved", moved_back[5])


@pytest.mark.parametrize("uid", ["1.1", "1.2"])
def test_a_superseded_image_takes_its_place_back_and_the_other_is_superseded(archive, author, uid):
    """However often: also two images that only the record of their file says are one."""
    half = Film("half", uid="1.1", key="same.dcm", extent=1, record="c" * 64)
    whole = Film("whole", uid=uid, key="same.dcm", extent=5, record="c" * 64)
    archive.add(half)
    first = archive.image(half)
    archive.add(whole)
    second, before = archive.image(whole), stored_scores(archive)
    assert first != second
    assert extents(archive) == [5]
    with pytest.raises(RefusedCorrection, match="superseded"):
        archive.do(withdraw, author, first)

    for _ in range(2):
        assert archive.do(restore, author, first)
        assert extents(archive) == [1]
        assert archive.do(restore, author, second)
        assert extents(archive) == [5]
    assert stored_scores(archive) == before
