from sqlalchemy import text

from db import ledger, scores
from db.outcomes import Rejected
from db.reading import balances
from db.reading.balances import Balance
from severity.domain import DistributionCheck, Reason
from tests.builders.scores import INBOX, INVERTED, scored, version


def test_the_balance_counts_every_object_once(database, model, enlist, running, claim):
    enlist("a", "b", "c")
    with running() as run_id:
        good, bad = claim(run_id, 2)
        outcomes = [scored(good.ledger_id), Rejected(bad.ledger_id, Reason.LATERAL, "")]
        with database.transaction() as session:
            scores.close(session, run_id, outcomes, model_version_id=model)

    with database.transaction() as session:
        balance = balances.balance(session, version().key)
        assert balances.rejections(session, version().key) == {"lateral": 1}
    assert balance == Balance(seen=3, scored=1, rejected=1, pending=1, copies=0)
    assert balance.holds


def test_the_balance_says_how_many_of_the_scored_are_out_of_distribution(database, course):
    near = DistributionCheck("frontal-1", distance=0.5)
    course(
        {"day": 0, "distribution_check": INVERTED},
        {"day": 1, "distribution_check": near},
        {"day": 2},
    )

    with database.transaction() as session:
        balance = balances.balance(session, version().key)
    assert (balance.scored, balance.out_of_distribution) == (3, 1)
    assert balance.holds


def test_a_lost_score_shows_in_the_balance(database, course):
    course({"day": 0}, {"day": 1})
    with database.transaction() as session:
        session.execute(text("DELETE FROM score WHERE geographic_extent = 3 AND id = 1"))
        assert not balances.balance(session, version().key).holds


def test_copies_are_named_as_such(database, model):
    objects = [ledger.SeenObject(name, "f", "same") for name in ("a.dcm", "b.dcm")]
    with database.transaction() as session:
        assert ledger.enlist(session, INBOX, objects, model_version_id=model) == 1
        fates = balances.fates(session, INBOX, version().key)
        assert balances.balance(session, version().key).copies == 1

    assert [(key, fate) for key, fate, _ in fates] == [("a.dcm", "waiting"), ("b.dcm", "copy")]


def test_a_scored_files_fate_states_why_it_is_out_of_distribution(database, course):
    course({"day": 0, "distribution_check": INVERTED}, {"day": 1})

    with database.transaction() as session:
        fates = balances.fates(session, INBOX, version().key)

    assert fates == [
        ("c0.dcm", "scored", "out of distribution: inverted"),
        ("c1.dcm", "scored", ""),
    ]
