"""Claims: which run works on which object."""

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

from db.closing.outcomes import Rejected, Unreachable
from db.ledger import claiming, runs
from db.ledger.places import Place, SeenObject
from db.ledger.sightings import unchanged
from severity.domain import Fate, Reason
from tests.builders.scores import digest, scored, version


def fingerprint(content):
    return UUID(digest(content)[:32])


def names(claims, *contents):
    """The contents of claims, by the short names that their hashes are of."""
    by_hash = {digest(content): content for content in contents}
    return [by_hash[claimed.content_sha256] for claimed in claims]


def test_two_runs_never_claim_the_same_object(database, steps, running):
    steps.enlist("a", "b", "c")
    with (
        running() as first_run,
        running() as second_run,
        database.transaction() as first_session,
        database.transaction() as second_session,
    ):
        first = claiming.claim(first_session, steps.queue, first_run.run_id, limit=2)
        second = claiming.claim(second_session, steps.queue, second_run.run_id, limit=2)

    assert names([*first, *second], "a", "b", "c") == ["a", "b", "c"]


def test_many_claims_at_once_neither_overlap_nor_overshoot(steps, running):
    steps.enlist(*(f"{number:03}" for number in range(60)))
    with running() as run, ThreadPoolExecutor(4) as pool:
        batches = list(pool.map(lambda _: steps.claim(run, 7), range(12)))

    work = [claimed.work_id for batch in batches for claimed in batch]
    assert len(work) == len(set(work)) == 60
    assert max(map(len, batches)) == 7


def test_objects_are_claimed_in_the_order_in_which_they_were_listed(steps, running):
    steps.enlist("c", "a", "b")
    with running() as run:
        assert names(steps.claim(run), "a", "b", "c") == ["c", "a", "b"]


def test_what_waits_in_another_source_is_not_this_runs_business(steps, running):
    elsewhere = steps.wanting("/elsewhere")
    steps.enlist("a")
    with running(elsewhere) as run:
        assert elsewhere.claim(run) == []
    assert (elsewhere.waiting(), steps.waiting()) == (0, 1)


def test_claimed_objects_do_not_wait(steps, running):
    steps.enlist("a", "b", "c")
    with running() as run:
        first, *_ = steps.claim(run, 2)
        assert steps.waiting() == 1
        steps.close(run, scored(first.work_id))
        assert steps.waiting() == 1
    steps.release()
    assert steps.waiting() == 2


def test_a_claim_says_which_record_of_the_sidecar_it_means(steps, running):
    steps.show("a.png", "a", "one record")
    steps.show("b.png", "a", "another")
    with running() as run:
        assert [(claimed.object_key, claimed.record_sha256) for claimed in steps.claim(run)] == [
            ("a.png", digest("one record")),
            ("b.png", digest("another")),
        ]


def test_a_claim_never_takes_a_place_that_is_gone(steps, running):
    """The copy was seen last, and deleted; the original lies where it always did."""
    steps.show("original.dcm", "film")
    steps.show("copy.dcm", "film")
    with running() as run:
        (claimed,) = steps.claim(run)
        steps.close(run, Unreachable(claimed.work_id, claimed.object_key, "removed"))
        (again,) = steps.claim(run)
        assert {claimed.object_key, again.object_key} == {"original.dcm", "copy.dcm"}
        assert steps.close(run, scored(again.work_id)) == {again.work_id: Fate.SCORED}


def test_an_object_that_lies_nowhere_waits_for_nobody_until_it_comes_back(steps, running):
    steps.show("film.dcm", "film")
    with running() as run:
        (claimed,) = steps.claim(run)
        assert steps.close(run, Unreachable(claimed.work_id, "film.dcm", "removed")) == {
            claimed.work_id: Reason.VANISHED
        }
        assert (steps.waiting(), steps.balance().unread) == (0, 1)

        assert steps.show("film.dcm", "film") == 1
        assert steps.score(run) == Fate.SCORED
    assert steps.balance().unread == 0


def test_what_has_gone_from_one_source_is_read_in_another_that_wants_it(steps, running):
    elsewhere = steps.wanting("/elsewhere")
    unwanting = steps.wanting("/unwanting", version("v2"))
    unwanting.show("film.dcm", "film")
    elsewhere.show("film.dcm", "film")
    steps.show("film.dcm", "film")
    with running() as run:
        (claimed,) = steps.claim(run)
        steps.close(run, Unreachable(claimed.work_id, claimed.object_key, "removed"))
        assert steps.waiting() == 0
    with running(elsewhere) as run:
        assert elsewhere.score(run) == Fate.SCORED


def test_what_waits_follows_its_object_into_the_source_that_shows_it_last(steps, running):
    """The inbox was moved: nobody lists the old one any more."""
    moved = steps.wanting("/moved")
    steps.show("film.dcm", "film")

    assert moved.show("film.dcm", "film") == 1
    assert (steps.waiting(), moved.waiting()) == (0, 1)
    with running(moved) as run:
        assert moved.score(run) == Fate.SCORED
    assert (steps.balance().accepted, moved.balance().copies) == (1, 1)


def test_claims_that_ended_well_never_make_a_suspect(steps, running):
    """Neither vanishing, being released, nor a run that ended in good order."""
    steps.show("film.dcm", "film")
    for _ in range(runs.MOST_CRASHES + 1):
        with running() as run:
            (claimed,) = steps.claim(run)
            steps.close(run, Unreachable(claimed.work_id, claimed.object_key, "removed"))
            steps.show("film.dcm", "film")
            assert len(steps.claim(run)) == 1
            with steps.database.transaction() as session:
                runs.end_run(session, run.run_id, "failed")
        assert steps.release() == 0

    with running() as run:
        assert steps.claim_suspect(run) == []
        assert steps.score(run) == Fate.SCORED


def test_an_unchanged_place_need_not_be_read_again(database, steps):
    steps.show("a.dcm", "a")
    places = [
        Place("a.dcm", fingerprint("a")),
        Place("a.dcm", fingerprint("b")),
        Place("b.dcm", fingerprint("a")),
    ]
    with database.transaction() as session:
        assert list(unchanged(session, steps.queue.source_id, places)) == [0]


def test_runs_that_enter_the_same_contents_in_other_orders_do_not_block_each_other(steps):
    contents = [f"{number:03}" for number in range(200)]
    both = (steps, steps.wanting("/other"))

    def enter(of, order):
        return of.show_all(
            *(
                SeenObject(Place(f"{place:03}.dcm", fingerprint(content)), digest(content))
                for place, content in enumerate(order)
            )
        )

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(enter, both, [contents, contents[::-1]]))

    assert sum(of.waiting() for of in both) == len(contents)
    assert sum(of.balance().seen for of in both) == len(contents)


def test_a_rejected_object_waits_for_no_model_version(steps, running):
    other = steps.wanting(model=version("v2"))
    steps.enlist("a")
    assert (steps.waiting(), other.waiting()) == (1, 1)
    with running() as run:
        (claimed,) = steps.claim(run)
        steps.close(run, Rejected(claimed.work_id, Reason.LATERAL, ""))

    assert (steps.waiting(), other.waiting()) == (0, 0)
    assert steps.enlist("a") == 0
    assert (steps.balance().rejected, steps.balance().seen) == (1, 1)


def test_a_claim_looks_behind_the_last_one_and_then_at_what_was_released_before_it(steps, running):
    steps.enlist("a", "b", "c", "d")
    with running() as run, running() as other:
        first, second = steps.claim(run, 1), steps.claim(run, 1)
        steps.claim(other, 1)
        with steps.database.transaction() as session:
            runs.end_run(session, run.run_id, "finished")
        with steps.database.transaction() as session:
            after = second[0].work_id
            claims = [
                claiming.claim(session, steps.queue, other.run_id, limit=1, after=after)
                for _ in range(3)
            ]
        keys = [claim.object_key for (claim,) in claims]
        assert keys == ["d.dcm", first[0].object_key, second[0].object_key]
