"""What is known of the films that a PACS names: where they are, or why they are not here."""

from datetime import date

import pytest

from db import pacs
from db.pacs import Known, NamedInstance, Whereabouts
from severity.domain import Reason
from tests.builders.archive import Archive, Film

PACS, DAY = "https://pacs.example/dicom-web", date(2020, 3, 1)
ACCEPTED, REJECTED, WAITING, LOST, ELSEWHERE, NEW = (f"{digit}" * 24 for digit in "abcdef")
UIDS = {
    instance: f"1.{instance}" for instance in (ACCEPTED, REJECTED, WAITING, LOST, ELSEWHERE, NEW)
}


@pytest.fixture
def archive(database):
    return Archive(database)


@pytest.fixture
def pacs_id(archive):
    pacs_id = archive.do(pacs.register, PACS)
    archive.do(
        pacs.name_instances, pacs_id, [NamedInstance(instance, DAY, "DX") for instance in UIDS]
    )
    return pacs_id


def arrived(instance: str, **film: object) -> Film:
    """A film whose file has the name that the drop folder gives it."""
    key = f"{instance[:2]}/{instance}-{'0' * 24}.dcm"
    return Film(instance, uid=UIDS[instance], key=key, **film)


def known(archive, pacs_id):
    return {
        instance: film.whereabouts
        for instance, film in archive.do(pacs.known, pacs_id, UIDS).items()
    }


def test_a_film_is_known_wherever_it_is_on_its_way(archive, pacs_id):
    archive.add(Film("brought otherwise", uid=UIDS[ELSEWHERE]))
    archive.add(arrived(ACCEPTED), arrived(REJECTED, rejected=Reason.LATERAL))
    archive.enlist(arrived(WAITING), arrived(LOST))
    archive.rows("UPDATE sighting SET gone_at = now() WHERE object_key LIKE 'dd%' RETURNING 1")

    assert known(archive, pacs_id) == {
        ELSEWHERE: Whereabouts.ACCEPTED,
        ACCEPTED: Whereabouts.ACCEPTED,
        REJECTED: Whereabouts.REJECTED,
        WAITING: Whereabouts.WAITING,
    }


def test_a_rejected_film_stays_known_when_its_file_is_moved_away(archive, pacs_id):
    archive.add(arrived(REJECTED, rejected=Reason.LATERAL))
    archive.rows("UPDATE sighting SET gone_at = now() RETURNING 1")

    assert known(archive, pacs_id) == {REJECTED: Whereabouts.REJECTED}


def test_tries_in_vain_are_counted_until_the_film_is_fetched(archive, pacs_id):
    for _ in range(2):
        archive.do(pacs.record_failed, pacs_id, NEW, "not_given")
    assert archive.do(pacs.known, pacs_id, UIDS) == {NEW: Known(Whereabouts.FAILED, 2)}

    archive.do(pacs.record_fetched, pacs_id, NEW)
    assert archive.do(pacs.known, pacs_id, UIDS)[NEW].whereabouts == Whereabouts.FETCHED


def test_a_film_that_is_named_again_keeps_its_state(archive, pacs_id):
    archive.do(pacs.record_fetched, pacs_id, NEW)

    assert archive.do(pacs.register, PACS) == pacs_id
    archive.do(pacs.name_instances, pacs_id, [NamedInstance(NEW, DAY, "DX")])

    assert known(archive, pacs_id) == {NEW: Whereabouts.FETCHED}


def test_what_one_pacs_gave_is_not_known_of_another(archive, pacs_id):
    archive.do(pacs.record_fetched, pacs_id, NEW)

    assert known(archive, archive.do(pacs.register, "PACS@192.0.2.7:104")) == {}


def test_days_that_are_asked_no_more_are_forgotten(archive, pacs_id):
    later = NamedInstance("0" * 24, date(2020, 3, 2), "CR")
    archive.do(pacs.name_instances, pacs_id, [later])

    assert archive.do(pacs.forget_before, pacs_id, later.study_date) == len(UIDS)
    assert archive.rows("SELECT instance FROM pacs_instance") == [(later.instance,)]
