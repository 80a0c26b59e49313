"""What a file does that takes another's place under the same key."""

import pytest

from db.closing.outcomes import Rejected, Unreachable
from db.ledger import sources
from db.ledger.claiming import Queue
from severity.domain import Fate, Reason, View
from tests.builders.ledger import Steps
from tests.builders.scores import scored, version


def images(steps: Steps) -> list[tuple[object, ...]]:
    """The pixels of each image by a short name, its standing and how many scores it has."""
    return steps.query(
        """
        SELECT CASE pixel_sha256
                WHEN sha256('half') THEN 'half' WHEN sha256('more') THEN 'more'
                WHEN sha256('whole') THEN 'whole' ELSE 'other'
            END,
            standing, (SELECT count(*) FROM score WHERE image_id = image.id)
        FROM image ORDER BY id
        """
    )


def test_a_half_copied_dicom_file_is_superseded_by_the_whole(steps, running):
    with running() as run:
        steps.show("a.dcm", "half")
        assert steps.score(run, pixels="half", extent=7) == Fate.SCORED
        assert steps.show("a.dcm", "whole") == 1
        assert steps.score(run, pixels="whole", extent=1) == Fate.SCORED

    assert images(steps) == [("half", "superseded", 1), ("whole", "valid", 1)]
    assert steps.query("SELECT geographic_extent FROM patient_trend") == [(1,)]
    balance = steps.balance()
    assert (balance.seen, balance.accepted, balance.rejected) == (2, 1, 1)
    assert steps.query("SELECT what, after ->> 'standing' FROM correction WHERE image_id = 1") == [
        ("superseded", "superseded")
    ]


def test_a_half_copied_png_is_superseded_by_the_whole_that_its_record_describes(steps, running):
    with running() as run:
        steps.show("a.png", "half", "record")
        steps.score(run, uid="content half", pixels="half")
        steps.show("a.png", "whole", "record")
        assert steps.score(run, uid="content whole", pixels="whole") == Fate.SCORED

    assert images(steps) == [("half", "superseded", 1), ("whole", "valid", 1)]
    assert steps.balance().accepted == 1


def test_the_whole_of_a_half_copy_that_lies_elsewhere_too_supersedes_it(steps, running):
    """The copy is not what the place shows now, and stays what it was."""
    with running() as run:
        steps.show("a.dcm", "half")
        steps.show("b.dcm", "half")
        steps.score(run, pixels="half")
        steps.show("b.dcm", "whole")
        assert steps.score(run, pixels="whole") == Fate.SCORED
        assert steps.show("a.dcm", "whole") == 0
    assert images(steps) == [("half", "superseded", 1), ("whole", "valid", 1)]
    assert steps.balance().accepted == 1


def test_a_file_under_another_key_supersedes_nothing(steps, running):
    with running() as run:
        steps.show("a.dcm", "half")
        steps.score(run, pixels="half")
        steps.show("b.dcm", "whole")
        assert steps.score(run, pixels="whole") == Reason.UID_CONFLICT
    assert images(steps) == [("half", "valid", 1)]


@pytest.mark.parametrize("second", ["scored", "corrupt", "never read"])
def test_a_file_that_grows_twice_is_scored_whole(steps, running, second):
    with running() as run:
        steps.show("a.dcm", "half")
        steps.score(run, pixels="half")
        steps.show("a.dcm", "more")
        if second == "scored":
            assert steps.score(run, pixels="more") == Fate.SCORED
        elif second == "corrupt":
            (claimed,) = steps.claim(run)
            steps.close(run, Rejected(claimed.work_id, Reason.CORRUPT, ""))
        steps.show("a.dcm", "whole")
        assert steps.score(run, pixels="whole") == Fate.SCORED

    grown = [("more", "superseded", 1)] if second == "scored" else []
    assert images(steps) == [("half", "superseded", 1), *grown, ("whole", "valid", 1)]
    balance = steps.balance()
    assert (balance.seen, balance.accepted, balance.rejected, balance.unread) == (3, 1, 2, 0)
    assert (
        steps.value(
            "SELECT count(*) FROM object WHERE reason <> 'superseded' AND dismissed_at IS NULL"
        )
        == 0
    )


def test_a_half_copy_that_was_read_before_and_is_closed_after_the_whole_is_outdated(steps, running):
    with running() as slow, running() as quick:
        steps.show("a.dcm", "half")
        (half,) = steps.claim(slow)
        steps.show("a.dcm", "whole")
        assert steps.score(quick, pixels="whole") == Fate.SCORED
        assert steps.close(slow, scored(half.work_id, pixels="half")) == {
            half.work_id: Reason.SUPERSEDED
        }
    assert images(steps) == [("whole", "valid", 1)]
    assert steps.balance().rejected == 1


def test_of_a_half_copy_and_its_whole_in_one_batch_the_whole_is_scored(steps, running):
    with running() as run:
        steps.show("a.dcm", "half")
        (half,) = steps.claim(run)
        steps.show("a.dcm", "whole")
        (whole,) = steps.claim(run)
        assert steps.close(
            run, scored(half.work_id, pixels="half"), scored(whole.work_id, pixels="whole")
        ) == {half.work_id: Reason.SUPERSEDED, whole.work_id: Fate.SCORED}
    assert images(steps) == [("whole", "valid", 1)]


def test_two_files_that_exchange_their_keys_do_not_reject_each_other(steps, running):
    with running() as run:
        steps.show("a.dcm", "one")
        steps.show("b.dcm", "other")
        claims = steps.claim(run)
        steps.show("a.dcm", "other")
        steps.show("b.dcm", "one")
        closed = steps.close(run, *(scored(claimed.work_id) for claimed in claims))
    assert sorted(closed.values()) == [Reason.DUPLICATE_IMAGE, Fate.SCORED]


def test_a_corrected_record_updates_the_image_in_place_and_needs_no_new_score(steps, running):
    other = steps.wanting(model=version("v2"))
    with running() as run, running(other) as second:
        steps.show("a.png", "film", "record")
        steps.score(run, day=0, view=View.AP)
        other.score(second)
        # Both wait, for neither knows what is new; the first that reads it spares the other.
        steps.show("a.png", "film", "corrected")
        assert (steps.waiting(), other.waiting()) == (1, 1)
        assert steps.score(run, day=3, view=View.PA, extent=8) == Fate.SCORED
        assert (steps.waiting(), other.waiting()) == (0, 0)

    assert steps.query(
        "SELECT view, acquired_at::date::text, study_uid FROM image"
        " JOIN study ON study.id = study_id"
    ) == [("PA", "2020-03-04", "2.3")]
    assert steps.query("SELECT geographic_extent FROM score") == [(3,), (3,)]
    ((event,),) = steps.query("SELECT before FROM correction WHERE image_id IS NOT NULL")
    assert (event["view"], event["acquired_at"][:10]) == ("AP", "2020-03-01")
    balance = steps.balance()
    assert (balance.seen, balance.accepted, balance.rejected) == (2, 1, 1)


def test_a_corrected_dicom_header_updates_the_image_in_place(steps, running):
    with running() as run:
        steps.show("a.dcm", "film")
        steps.score(run, day=0)
        steps.show("a.dcm", "film with another time")
        assert steps.score(run, day=1) == Fate.SCORED
    assert images(steps) == [("other", "valid", 1)]
    assert steps.value("SELECT acquired_at::date::text FROM image") == "2020-03-02"


def test_a_correction_that_is_taken_back_holds_no_more(steps, running):
    """The earlier record, or the earlier file, lies under the key again."""
    with running() as run:
        for record, day in (("record", 0), ("corrected", 3), ("record", 0), ("corrected", 3)):
            assert steps.show("a.png", "film", record) == 1
            assert steps.score(run, day=day) == Fate.SCORED
            assert steps.query("SELECT acquired_at::date::text FROM image") == [
                (f"2020-03-0{1 + day}",)
            ]
    assert steps.balance().accepted == 1


def test_a_whole_file_that_is_cut_again_is_scored_as_it_lies_there(steps, running):
    with running() as run:
        for content in ("half", "whole", "half"):
            steps.show("a.dcm", content)
            assert steps.score(run, pixels=content) == Fate.SCORED
    assert images(steps) == [
        ("half", "superseded", 1),
        ("whole", "superseded", 1),
        ("half", "valid", 1),
    ]


@pytest.mark.parametrize(
    ("record", "pixels"), [("", "px"), ("", "whole"), ("record of another", "px")]
)
def test_a_file_of_another_patient_under_the_same_key_is_for_a_person(
    steps, running, record, pixels
):
    with running() as run:
        steps.show("a", "film", record and "record")
        steps.score(run)
        steps.show("a", "film" if record else "film of another", record)
        assert steps.score(run, patient="p-2", pixels=pixels) == Reason.PATIENT_CONFLICT
    assert images(steps) == [("other", "valid", 1)]


def test_a_key_that_is_used_for_another_image_supersedes_nothing(steps, running):
    with running() as run:
        steps.show("newest.dcm", "film")
        steps.score(run, uid="1.1", pixels="a")
        steps.show("newest.dcm", "next film")
        assert steps.score(run, uid="1.2", pixels="b") == Fate.SCORED
    assert images(steps) == [("other", "valid", 1)] * 2


def test_a_whole_whose_pixels_are_another_images_supersedes_nothing(steps, running):
    with running() as run:
        steps.show("a.dcm", "half")
        steps.score(run, pixels="half", uid="1.1")
        steps.show("b.dcm", "same pixels")
        steps.score(run, pixels="whole", uid="1.2")
        steps.show("a.dcm", "whole")
        assert steps.score(run, pixels="whole", uid="1.1") == Reason.DUPLICATE_IMAGE
    assert images(steps) == [("half", "valid", 1), ("whole", "valid", 1)]


@pytest.mark.parametrize("state", ["waiting", "claimed", "scored"])
def test_what_another_model_version_has_yet_to_do_is_done_on_the_whole(steps, running, state):
    other = steps.wanting(model=version("v2"))
    with running() as run, running(other) as second:
        steps.show("a.dcm", "half")
        steps.score(run, pixels="half")
        held = other.claim(second) if state == "claimed" else []
        if state == "scored":
            other.score(second)
        steps.show("a.dcm", "whole")
        steps.score(run, pixels="whole")
        for claimed in held:
            assert other.close(second, scored(claimed.work_id, pixels="half")) == {}
        assert other.waiting() == 1
        assert other.score(second) == Fate.SCORED
        assert other.waiting() == 0

    halves = {"waiting": 1, "claimed": 1, "scored": 2}[state]
    assert images(steps) == [("half", "superseded", halves), ("whole", "valid", 2)]
    steps.balance()


def test_a_whole_counts_although_its_half_copy_was_withdrawn(steps, running):
    with running() as run:
        steps.show("a.dcm", "half")
        steps.score(run, pixels="half")
        steps.query("UPDATE image SET standing = 'withdrawn' RETURNING id")
        assert steps.balance().withdrawn == 1
        steps.show("a.dcm", "whole")
        steps.score(run, pixels="whole")
    assert images(steps) == [("half", "superseded", 1), ("whole", "valid", 1)]
    assert steps.balance().withdrawn == 0


def test_a_corrected_record_leaves_a_withdrawn_image_withdrawn(steps, running):
    other = steps.wanting(model=version("v2"))
    with running() as run:
        steps.show("a.png", "film", "record")
        steps.score(run)
        steps.query("UPDATE image SET standing = 'withdrawn' RETURNING id")
        steps.query("DELETE FROM work RETURNING id")
        steps.show("a.png", "film", "corrected")
        steps.score(run, day=1)
    assert (images(steps), other.waiting()) == ([("other", "withdrawn", 1)], 0)
    assert steps.balance().withdrawn == 1


def test_a_merged_patients_file_supersedes_that_of_the_other(steps, running):
    with running() as run:
        steps.show("a.dcm", "half")
        steps.score(run, pixels="half", patient="p-1")
        steps.query(
            "INSERT INTO patient (patient_key, merged_into_id, merged_last_id)"
            " VALUES ('p-2', 1, 1) RETURNING id"
        )
        steps.show("a.dcm", "whole")
        assert steps.score(run, pixels="whole", patient="p-2") == Fate.SCORED
    assert images(steps)[-1] == ("whole", "valid", 1)


def test_a_file_that_takes_the_place_of_a_copy_from_another_source_counts_in_its_own(
    steps, running
):
    elsewhere = steps.wanting("/elsewhere")
    with running() as run, running(elsewhere) as second:
        steps.show("a.png", "film", "record")
        elsewhere.show("a.png", "film", "record")
        elsewhere.score(second)
        elsewhere.show("a.png", "film", "corrected")
        elsewhere.score(second, day=1)
        assert steps.claim(run) == []
    assert (steps.balance().accepted, elsewhere.balance().accepted) == (0, 1)


def test_what_is_shown_again_waits_wherever_it_lies_or_counts(steps, running):
    """A record that comes later brings it back for the model versions of all its sources."""
    elsewhere = steps.wanting("/elsewhere", version("v2"))
    elsewhere.show("a.png", "film")
    steps.show("a.png", "film")
    with running() as run:
        (claimed,) = steps.claim(run)
        steps.close(run, Rejected(claimed.work_id, Reason.NO_SIDECAR_RECORD, ""))
        assert (steps.waiting(), elsewhere.waiting()) == (0, 0)

        assert steps.show("b.png", "film", "record") == 1
        assert (steps.waiting(), elsewhere.waiting()) == (1, 1)
        assert steps.score(run) == Fate.SCORED
    elsewhere.balance()


def test_a_file_without_a_record_is_decided_although_its_copy_elsewhere_has_one(steps, running):
    """Nobody wants the other source: that record is never read, and decides nothing here."""
    with steps.database.transaction() as session:
        elsewhere = sources.register(session, "/elsewhere", zone="UTC").id
    steps.show("a.png", "film")
    other = Steps(steps.database, Queue(elsewhere, steps.queue.model_version_id))
    other.show("a.png", "film", "record")
    with running() as run:
        # What lies here has no record: it is not what was enlisted.
        (claimed,) = steps.claim(run)
        steps.close(run, Unreachable(claimed.work_id, "a.png", "another record"))
        assert steps.show("a.png", "film") == 1
        (claimed,) = steps.claim(run)
        assert claimed.record_sha256 == ""
        steps.close(run, Rejected(claimed.work_id, Reason.NO_SIDECAR_RECORD, ""))
    assert steps.balance().rejected == 1
