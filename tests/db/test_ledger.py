from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import text

from db import ledger
from db.ledger import SeenObject
from db.outcomes import Rejected
from severity.domain import Reason
from tests.builders.scores import INBOX


def test_enlisting_the_same_content_again_is_harmless(enlist):
    assert enlist("a", "b") == 2
    assert enlist("a", "b", "c") == 1


def test_two_runs_never_claim_the_same_object(database, model, enlist, running):
    enlist("a", "b", "c")
    with (
        running() as first_run,
        running() as second_run,
        database.transaction() as first_session,
        database.transaction() as second_session,
    ):
        first = ledger.claim(first_session, INBOX, first_run, model_version_id=model, limit=2)
        second = ledger.claim(second_session, INBOX, second_run, model_version_id=model, limit=2)

    assert sorted(claim.content_sha256 for claim in [*first, *second]) == ["a", "b", "c"]


def test_many_claims_at_once_neither_overlap_nor_overshoot(database, model, enlist, running):
    enlist(*(f"{number:03}" for number in range(60)))
    with running() as run_id:

        def claim_some(_: int) -> list[int]:
            with database.transaction() as session:
                claims = ledger.claim(session, INBOX, run_id, model_version_id=model, limit=7)
            return [claim.ledger_id for claim in claims]

        with ThreadPoolExecutor(4) as pool:
            batches = list(pool.map(claim_some, range(12)))

    ledger_ids = [ledger_id for batch in batches for ledger_id in batch]
    assert len(ledger_ids) == len(set(ledger_ids)) == 60
    assert max(map(len, batches)) == 7


def test_objects_are_claimed_in_the_order_in_which_they_were_listed(enlist, running, claim):
    enlist("c", "a", "b")
    with running() as run_id:
        assert [claimed.content_sha256 for claimed in claim(run_id)] == ["c", "a", "b"]


def test_another_inbox_is_not_this_runs_business(database, model, enlist, running):
    enlist("a")
    with running() as run_id, database.transaction() as session:
        assert ledger.claim(session, "/elsewhere", run_id, model_version_id=model, limit=9) == []
        assert ledger.waiting(session, "/elsewhere", model_version_id=model) == 0
        assert ledger.waiting(session, INBOX, model_version_id=model) == 1


def test_an_unchanged_object_need_not_be_read_again(database, enlist):
    enlist("a", "b")
    with database.transaction() as session:
        contents = ledger.known_contents(session, INBOX, {"a.dcm": "f", "b.dcm": "changed"})

    assert contents == {"a.dcm": "a"}


def test_a_claim_says_which_record_of_the_sidecar_it_means(database, model, running, claim):
    objects = [
        SeenObject("a.png", "f", "a", "one record"),
        SeenObject("b.png", "f", "a", "another"),
    ]
    with database.transaction() as session:
        ledger.enlist(session, INBOX, objects, model_version_id=model)
    with running() as run_id:
        assert [(claimed.object_key, claimed.record_sha256) for claimed in claim(run_id)] == [
            ("a.png", "one record"),
            ("b.png", "another"),
        ]


def test_runs_that_enter_the_same_contents_in_other_orders_do_not_block_each_other(database, model):
    contents = [f"{number:03}" for number in range(200)]

    def enter(inbox: str) -> int:
        order = contents if inbox == "/one" else contents[::-1]
        objects = [
            SeenObject(f"{place:03}.dcm", "f", content) for place, content in enumerate(order)
        ]
        with database.transaction() as session:
            return ledger.enlist(session, inbox, objects, model_version_id=model)

    for _ in range(5):
        with database.transaction() as session:
            session.execute(text("TRUNCATE ledger, sighting"))
        with ThreadPoolExecutor(2) as pool:
            assert sum(pool.map(enter, ["/one", "/other"])) == len(contents)


def test_what_was_rejected_can_be_released_by_its_reason(database, model, enlist, running, claim):
    from db import scores

    enlist("a", "b")
    with running() as run_id:
        first, second = claim(run_id)
        rejected = [
            Rejected(first.ledger_id, Reason.UNSUPPORTED_ENCODING, ""),
            Rejected(second.ledger_id, Reason.CORRUPT, ""),
        ]
        with database.transaction() as session:
            scores.close(session, run_id, rejected, model_version_id=model)
            released = ledger.release(session, Reason.UNSUPPORTED_ENCODING, model_version_id=model)
        assert released == 1
        assert [claimed.content_sha256 for claimed in claim(run_id)] == ["a"]
