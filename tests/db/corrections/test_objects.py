"""Releasing and dismissing what was rejected or has failed."""

from datetime import UTC, datetime

import pytest

from db.corrections import (
    dismiss,
    release,
    release_failed,
    release_reason,
    restore,
    undismiss,
)
from db.errors import RefusedCorrection
from db.reading import trends
from db.reading.site import balances
from severity.domain import Fate, Reason
from tests.builders.archive import Film, model

SPOON = Film("spoon", rejected=Reason.NOT_CHEST)
FORK = Film("fork", rejected=Reason.NOT_CHEST)
SIDE = Film("side", rejected=Reason.LATERAL)
STATE = "SELECT state::text, reason, dismissed_at IS NOT NULL FROM object WHERE id = :id"
EVENTS = "SELECT who, why, what, object_id, before, after FROM correction ORDER BY id"


def state(archive, film):
    return archive.rows(STATE, id=archive.object(film))[0]


def counts(archive):
    balance = archive.do(balances.balance, archive.location)
    return balance.accepted, balance.rejected, balance.unread


def test_a_released_object_is_judged_again_by_each_model_version_that_wants_it(archive, author):
    archive.add(SPOON)
    archive.queue("v2")

    spoon = archive.object(SPOON)
    assert archive.do(release, author, [spoon, spoon]) == [spoon]
    assert state(archive, SPOON) == ("received", None, False)
    assert counts(archive) == (0, 0, 1)
    work = "SELECT state::text, crashes, is_judged FROM work"
    assert archive.rows(work) == [("waiting", 0, False)] * 2

    archive.films[SPOON.content_sha256] = Film("spoon")
    assert [closed.fate for closed in archive.score()] == [Fate.SCORED]
    assert counts(archive) == (1, 0, 0)
    assert [closed.fate for closed in archive.score(by="v2")] == [Fate.SCORED]


def test_the_reason_stays_in_the_history(archive, author):
    archive.add(SPOON)
    archive.do(release, author, [archive.object(SPOON)])

    ((who, why, what, object_id, before, after),) = archive.rows(EVENTS)
    assert (who, why, what) == ("dr.roe", "it was wrong", "rejection released")
    assert object_id == archive.object(SPOON)
    assert (before["state"], before["reason"]) == ("rejected", "not_chest")
    assert (after["state"], after["reason"]) == ("received", None)


def test_all_of_one_reason_are_released_but_for_those_that_were_dismissed(archive, author):
    archive.add(SPOON, FORK, SIDE)
    archive.do(dismiss, author, [archive.object(FORK)])

    assert archive.do(release_reason, author, Reason.NOT_CHEST) == [archive.object(SPOON)]

    assert [state(archive, film)[0] for film in (SPOON, FORK, SIDE)] == [
        "received",
        "rejected",
        "rejected",
    ]


def test_a_dismissed_object_stays_rejected_and_comes_back(archive, author):
    archive.add(SPOON)
    spoon = [archive.object(SPOON)]

    assert archive.do(dismiss, author, spoon) == spoon
    assert state(archive, SPOON) == ("rejected", "not_chest", True)
    assert archive.do(dismiss, author, spoon) == []
    assert archive.do(undismiss, author, spoon) == spoon
    assert archive.do(undismiss, author, spoon) == []
    assert state(archive, SPOON) == ("rejected", "not_chest", False)
    assert [row[2] for row in archive.rows(EVENTS)] == ["rejection dismissed", "dismissal undone"]


@pytest.mark.parametrize("correct", [release, dismiss, undismiss])
def test_all_are_corrected_or_none(archive, author, correct):
    archive.add(SPOON, Film("a"))
    spoon, image = archive.object(SPOON), archive.object(Film("a"))

    with pytest.raises(RefusedCorrection, match=f": {image}, 99$"):
        archive.do(correct, author, [spoon, image, 99])

    assert state(archive, SPOON) == ("rejected", "not_chest", False)
    assert archive.rows(EVENTS) == []


FIRST = Film("first", uid="1.1", extent=1)
RIGHT = Film("right", uid="1.1", extent=5, at=datetime(2020, 3, 2, tzinfo=UTC))


def extents(archive):
    observations = archive.do(trends.trend, "p-1", model().key).observations
    return [observation.geographic_extent for observation in observations]


def test_a_person_may_rule_that_a_rejected_file_is_the_right_one(archive, author):
    archive.add(FIRST)
    image = archive.image(FIRST)
    assert [closed.reason for closed in archive.add(RIGHT)] == [Reason.UID_CONFLICT]
    before = archive.rows("SELECT score::text FROM score")

    archive.do(release, author, [archive.object(RIGHT)], instead_of=image)
    assert extents(archive) == [1]  # until the right one is scored
    archive.score()

    assert extents(archive) == [5]
    assert state(archive, FIRST)[:2] == ("rejected", "superseded")
    assert set(before) < set(archive.rows("SELECT score::text FROM score"))
    event = next(row for row in archive.rows(EVENTS) if row[2] == "rejection released")
    assert event[5]["replaces_id"] == archive.object(FIRST)


def test_without_that_ruling_a_released_file_is_rejected_for_the_same_reason(archive, author):
    archive.add(FIRST)
    archive.add(RIGHT)

    archive.do(release, author, [archive.object(RIGHT)])

    assert [closed.reason for closed in archive.score()] == [Reason.UID_CONFLICT]


@pytest.mark.parametrize("is_judged", [False, True])
def test_a_wrong_ruling_is_taken_back_by_restoring_the_image_for_all_later_runs(
    archive, author, is_judged
):
    archive.add(FIRST)
    archive.add(RIGHT)
    image, wrong = archive.image(FIRST), [archive.object(RIGHT)]
    archive.do(release, author, wrong, instead_of=image)
    if is_judged:
        archive.score()

    assert archive.do(restore, author, image)
    assert not archive.do(restore, author, image)

    if is_judged:
        archive.do(release, author, wrong)
    assert [closed.reason for closed in archive.score()] == [Reason.UID_CONFLICT]
    assert extents(archive) == [1]


@pytest.mark.parametrize("objects", [1, 2])
def test_one_object_takes_the_place_of_an_image_that_exists(archive, author, objects):
    archive.add(FIRST, SPOON, FORK)
    ids = [archive.object(film) for film in (SPOON, FORK)[:objects]]
    image = archive.image(FIRST)

    with pytest.raises(RefusedCorrection):
        archive.do(release, author, ids, instead_of=image if objects > 1 else image + 7)


def test_an_image_that_failed_waits_again_for_the_model_version_that_is_named(archive, author):
    archive.add(FIRST)
    image = archive.image(FIRST)
    for by in ("v2", "v3"):
        archive.queue(by)
        archive.score(by=by, fail=Reason.CRASHED_WORKER)

    assert archive.do(release_failed, author, image, model_version=model("v2").key) == 1
    assert [closed.fate for closed in archive.score(by="v2")] == [Fate.SCORED]
    assert archive.do(release_failed, author, image) == 1
    assert archive.do(release_failed, author, image) == 0
    assert [closed.fate for closed in archive.score(by="v3")] == [Fate.SCORED]

    first, _ = archive.rows(EVENTS)
    assert first[:4] == ("dr.roe", "it was wrong", "failure released", archive.object(FIRST))
    assert (first[4]["reason"], first[5]["reason"]) == ("crashed_worker", None)


def test_an_image_that_does_not_exist_has_not_failed(archive, author):
    with pytest.raises(RefusedCorrection, match="no image 77"):
        archive.do(release_failed, author, 77)
