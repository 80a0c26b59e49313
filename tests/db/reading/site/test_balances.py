"""The balance: what became of all that was seen, by counters that are checked against the rows."""

from uuid import UUID

from sqlalchemy import text

from db.closing.outcomes import Rejected, Unreachable
from db.corrections import Author, restore, withdraw
from db.ledger import sightings
from db.ledger.places import ObstructedPlace, Place
from db.reading.site import balances
from db.reading.site.balances import Discrepancy, VersionBalance
from severity.domain import DistributionCheck, Reason
from tests.builders.scores import ENHANCED, INBOX, INVERTED, scored, version


def obstruct(steps, key, reason="unreadable_file"):
    with steps.database.transaction() as session:
        obstacle = ObstructedPlace(Place(key, UUID(int=0)), reason)
        sightings.enlist_obstacles(session, steps.queue.source_id, [obstacle])


def test_the_balance_counts_every_object_once(steps, running):
    steps.enlist("a", "b", "c")
    with running() as run:
        good, bad = steps.claim(run, 2)
        steps.close(run, scored(good.work_id), Rejected(bad.work_id, Reason.LATERAL, ""))

    balance = steps.balance()
    assert (balance.seen, balance.accepted, balance.rejected, balance.unread) == (3, 1, 1, 1)
    assert balance.versions == (VersionBalance(version().key, scored=1),)
    with steps.database.transaction() as session:
        assert balances.rejections(session, INBOX) == {"lateral": 1}


def test_an_image_waits_for_each_model_version_that_is_wanted(steps, running):
    steps.enlist("a", "b")
    with running() as run:
        steps.score(run)
    other = steps.wanting(model=version("v2"))
    with running(other) as run:
        first, second = other.claim(run)
        other.close(run, Unreachable(first.work_id, first.object_key, "removed"))
        balance = steps.balance()
        waits = balance.of(version("v2").key)
        assert (balance.accepted, waits.failed, waits.scored) == (1, 1, 0)
        other.close(run, scored(second.work_id, uid="1.2", pixels="b"))

    balance = steps.balance()
    assert balance.of(version().key) == VersionBalance(version().key, scored=1, waiting=1)
    assert balance.of(version("v2").key) == VersionBalance(version("v2").key, scored=1, failed=1)


def test_what_cannot_be_read_is_seen_and_counted(database, steps):
    obstruct(steps, "closed.dcm")
    obstruct(steps, "closed.dcm")
    obstruct(steps, "k" * 100_000, "name_too_long")
    steps.enlist("a")
    obstruct(steps, "a.dcm")  # it was read before, and counts as what it was

    balance = steps.balance()
    assert (balance.seen, balance.unread, balance.obstacles) == (3, 3, 2)
    with database.transaction() as session:
        reasons = session.execute(text("SELECT reason, objects FROM reasons ORDER BY 1")).all()
    assert reasons == [("name_too_long", 1), ("unreadable_file", 1)]


def test_an_obstacle_that_can_be_read_after_all_is_counted_once(steps, running):
    obstruct(steps, "a.dcm")
    steps.enlist("a")
    with running() as run:
        steps.score(run)
    balance = steps.balance()
    assert (balance.seen, balance.accepted, balance.obstacles) == (1, 1, 0)


def test_a_place_that_could_not_be_read_for_a_while_is_read_again(steps, running):
    steps.show("a.dcm", "a")
    with running() as run:
        (claimed,) = steps.claim(run)
        steps.close(run, Unreachable(claimed.work_id, "a.dcm", "permission denied"))
        obstruct(steps, "a.dcm")
        with steps.database.transaction() as session:
            places = [Place("a.dcm", UUID(int=0))]
            assert sightings.unchanged(session, steps.queue.source_id, places) == {}
        steps.enlist("a")
        assert len(steps.claim(run)) == 1


def test_an_obstacle_that_is_gone_is_no_longer_seen(database, steps, running):
    obstruct(steps, "closed.dcm")
    obstruct(steps, "hidden/closed.dcm")
    with running() as run, database.transaction() as session:
        listed = sightings.WholeListing(present=[], hidden=["hidden"])
        gone = sightings.mark_gone(session, steps.queue.source_id, run.run_id, listed)
    assert (gone.places, steps.balance().obstacles) == (1, 1)


def test_the_balance_says_how_many_of_the_scored_are_out_of_distribution(steps, course):
    near = DistributionCheck("frontal-1", distance=0.5)
    course(
        {"day": 0, "distribution_check": INVERTED},
        {"day": 1, "distribution_check": near},
        {"day": 2},
    )

    balance = steps.balance().of(version().key)
    assert (balance.scored, balance.out_of_distribution) == (3, 1)


def test_the_balance_says_how_many_of_the_scored_are_of_unlike_processing(database, course):
    course(
        {"day": 0, "processing_check": ENHANCED, "distribution_check": INVERTED},
        {"day": 1, "processing_check": ENHANCED},
        {"day": 2},
    )
    author = Author("dr.roe", "it was wrong")

    def counted():
        with database.transaction() as session:
            assert balances.verify(session) == []
            columns = text("SELECT scored, out_of_distribution, unlike_processing FROM balance")
            return session.execute(columns).one()

    assert counted() == (3, 1, 2)
    with database.transaction() as session:
        withdraw(session, author, 2)
    assert counted() == (2, 1, 1)
    with database.transaction() as session:
        restore(session, author, 2)
    assert counted() == (3, 1, 2)


def test_a_lost_score_shows_in_the_balance(database, steps, course):
    course({"day": 0}, {"day": 1})
    with database.transaction() as session:
        session.execute(text("DELETE FROM score WHERE image_id = 1"))
        balance = balances.balance(session, INBOX)
        assert not balance.holds
        assert balance.of(version().key).scored == 1


def test_a_lost_object_and_a_wrong_counter_show_when_the_counters_are_verified(
    database, steps, course
):
    course({"day": 0}, {"day": 1})
    with database.transaction() as session:
        session.execute(text("ALTER TABLE score DISABLE TRIGGER USER"))
        session.execute(text("DELETE FROM score WHERE image_id = 1"))
        session.execute(text("UPDATE tally SET n = n + 1 WHERE what = 'seen'"))

        assert balances.verify(session) == [
            Discrepancy(INBOX, "", "seen", "", counted=3, rows=2),
            Discrepancy(INBOX, version().key, "scored", "", counted=2, rows=1),
        ]
        assert not balances.balance(session, INBOX).holds


def test_copies_are_named_as_such(steps):
    assert steps.show("a.dcm", "same") == 1
    assert steps.show("b.dcm", "same") == 0
    elsewhere = steps.wanting("/elsewhere")
    elsewhere.show("a.dcm", "same")

    with steps.database.transaction() as session:
        fates = balances.fates(session, INBOX, version().key)
        there = balances.fates(session, "/elsewhere", version().key)
    assert [(key, fate) for key, fate, _ in fates] == [("a.dcm", "waiting"), ("b.dcm", "copy")]
    assert there == [("a.dcm", "copy", "the same file as a.dcm")]
    assert (steps.balance().copies, elsewhere.balance().copies) == (1, 1)
    assert elsewhere.balance().seen == 0


def test_a_scored_files_fate_states_why_it_is_out_of_distribution(database, course):
    course({"day": 0, "distribution_check": INVERTED}, {"day": 1})

    with database.transaction() as session:
        fates = balances.fates(session, INBOX, version().key)

    assert fates == [
        ("c0.dcm", "scored", "out of distribution: inverted"),
        ("c1.dcm", "scored", ""),
    ]


def test_a_source_that_nobody_saw_has_an_empty_balance_that_holds(database):
    with database.transaction() as session:
        assert balances.balance(session, "/nowhere").holds
        assert balances.balances(session) == []
