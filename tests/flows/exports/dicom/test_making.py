"""What is made of which films, and of which nothing."""

import time

import pytest

from db.corrections import Author, withdraw
from db.reading.exports import Selection
from flows.courses.update import update_courses
from flows.exports.dicom.making import Kind, Making, Request
from severity.domain import PatientId
from tests.builders.archive import model
from tests.builders.dicom_films import film_uid

ALL = Selection(model().key)
REPORTS = frozenset({Kind.REPORT})
AUTHOR = Author("dr.roe", "it was wrong")


@pytest.fixture
def make(resources, database):
    def make(selection=ALL, **request):
        making = Making(resources, Request(selection, **request))
        return list(making.instances()), making.left

    return make


def made(instances, kind):
    return {each.image_id: each.dataset for each in instances if each.kind is kind}


def test_each_film_has_a_report_and_each_patient_a_page_in_the_study_of_the_latest(make, films):
    first = films.add("a", StudyDate="20200401")
    latest = films.add("b", StudyDate="20200403", extent=6.0)
    other = films.add("c", "0815")

    instances, _ = make()

    reports, pages = (made(instances, kind) for kind in Kind)
    assert list(reports) == [first, latest, other]
    assert sorted(pages) == sorted([latest, other])
    assert pages[latest].StudyInstanceUID == reports[latest].StudyInstanceUID
    assert pages[latest].StudyInstanceUID == f"{film_uid('b')}.2"
    assert pages[latest].PatientID == "4711"


def test_the_page_after_a_correction_is_the_latest(make, films, database):
    """Viewers show the latest by date: that of a withdrawn film must not be."""
    first = films.add("a", StudyDate="20200401")
    wrong = films.add("b", StudyDate="20200403", extent=6.0)
    pages = frozenset({Kind.PAGE})
    before = made(make(kinds=pages)[0], Kind.PAGE)[wrong]
    time.sleep(1.1)  # a page is dated to the second

    with database.transaction() as session:
        withdraw(session, AUTHOR, wrong)
    update_courses(database)

    after = made(make(kinds=pages)[0], Kind.PAGE)[first]
    assert written_at(after) > written_at(before)
    assert made(make(kinds=pages)[0], Kind.PAGE)[first].SOPInstanceUID == after.SOPInstanceUID


def written_at(page):
    return page.ContentDate + page.ContentTime


def test_a_source_is_opened_once_for_the_pages_of_many_patients(make, films, opened):
    """One that is silent costs minutes."""
    films.add("a")
    films.add("b", "0815")

    instances, _ = make(kinds=frozenset({Kind.PAGE}))

    assert len(instances) == 2
    assert opened == [str(films.folder)]


def test_what_is_asked_for_is_made_and_nothing_else(make, films, resources):
    image = films.add("a")
    films.add("b", "0815")
    person = Selection(model().key, resources.pseudonym(PatientId("4711")))

    for kind in Kind:
        instances, _ = make(person, kinds=frozenset({kind}))
        assert [(each.kind, each.image_id) for each in instances] == [(kind, image)]


def test_a_score_that_is_not_reliable_leaves_in_no_report(make, films):
    reliable = films.add("a", StudyDate="20200401")
    films.add("b", StudyDate="20200402", flagged=True)

    instances, left = make(kinds=REPORTS)

    assert list(made(instances, Kind.REPORT)) == [reliable]
    assert left.out_of_distribution == 1


def test_a_film_that_is_gone_is_listed_and_the_others_are_made(make, films):
    gone, there = films.add("a"), films.add("b", "0815")
    films.remove("a")

    instances, left = make(kinds=REPORTS)

    assert {each.image_id for each in instances} == {there}
    assert list(left.unidentified) == [gone]


def test_by_pseudonym_no_film_is_read_and_studies_are_ours(make, films, resources):
    image = films.add("a", StudyDate="20200403")
    films.remove("a")

    instances, left = make(by_pseudonym=True)

    assert not left.unidentified
    for kind in Kind:
        dataset = made(instances, kind)[image]
        assert dataset.PatientID == resources.pseudonym(PatientId("4711"))
        assert dataset.StudyDate == "20200403"
        assert dataset.StudyInstanceUID.startswith("2.25.")
        assert dataset.AccessionNumber == ""


def test_a_film_that_was_withdrawn_is_in_nothing(make, films, archive):
    image = films.add("a")
    archive.do(withdraw, AUTHOR, image)

    assert make()[0] == []
