"""Reports and pages in a folder and at a node: whole, once, and nothing in between."""

import pytest
from pydicom import dcmread
from pydicom.uid import Comprehensive3DSRStorage, SecondaryCaptureImageStorage

from db.corrections import Author, move, withdraw
from db.reading.exports import Selection
from flows.dicom_node import OWN_TITLE, Node
from flows.errors import SendingError, UsageError
from flows.exports.dicom.exporting import Sender, send_to, write_folder
from flows.exports.dicom.making import Kind, Making, Request
from tests.builders.archive import model
from tests.builders.dicom_nodes import committing_node, node
from tests.builders.ports import free_ports

REPORTS = frozenset({Kind.REPORT})
BOTH = (Comprehensive3DSRStorage, SecondaryCaptureImageStorage)


@pytest.fixture
def making(resources, database):
    def making(**request):
        return Making(resources, Request(Selection(model().key), **request))

    return making


def test_what_is_written_twice_is_the_same_to_the_last_byte(making, films, tmp_path):
    films.add("a")
    for name in ("first", "second"):
        counts = write_folder(making(), tmp_path / name)
        assert counts.made == {Kind.REPORT: 1, Kind.PAGE: 1}

    first, second = (
        {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()}
        for name in ("first", "second")
    )
    assert first == second
    assert len(first) == 2
    for path in (tmp_path / "first").iterdir():
        assert path.stat().st_mode & 0o777 == 0o600
        assert dcmread(path).SOPInstanceUID == path.stem


def test_without_any_film_nothing_is_written(making, films, tmp_path):
    image = films.add("a")
    films.remove("a")

    with pytest.raises(UsageError, match=rf"1 image \({image}\).*--pseudonymous"):
        write_folder(making(), tmp_path / "out")

    assert [path.name for path in tmp_path.iterdir()] == ["inbox"]


def test_a_film_whose_uid_is_against_the_standard_holds_up_no_other(making, films, tmp_path):
    irregular, _ = films.add("a", StudyInstanceUID="1.02.3"), films.add("b")

    making_reports = making(kinds=REPORTS)
    counts = write_folder(making_reports, tmp_path / "out")

    assert counts.made == {Kind.REPORT: 1}
    assert list(making_reports.left.unidentified) == [irregular]


def test_a_node_is_sent_what_it_has_not_got(making, films):
    films.add("a")
    with node(*BOTH) as (to, received):
        assert send_to(to, making(kinds=REPORTS), Sender()).made == {Kind.REPORT: 1}
        films.add("b", "0815")
        second = send_to(to, making(kinds=REPORTS), Sender())

    assert (second.made, second.known) == ({Kind.REPORT: 1}, 1)
    assert [each.PatientID for each in received.instances] == ["4711", "0815"]


def test_what_a_node_refused_is_sent_again(making, films):
    films.add("a")
    with node(*BOTH, status=0xA700) as (to, _), pytest.raises(SendingError):
        send_to(to, making(kinds=REPORTS), Sender())
    with node(*BOTH, port=to.port) as (again, received):
        send_to(again, making(kinds=REPORTS), Sender())

    assert len(received.instances) == 1


def test_a_report_of_a_film_that_was_withdrawn_since_is_listed(making, films, archive):
    image = films.add("a")
    reports = making(kinds=REPORTS)
    with node(*BOTH) as (to, _):
        send_to(to, reports, Sender())
        archive.do(withdraw, Author("dr.roe", "it was wrong"), image)
        send_to(to, reports, Sender())

    assert reports.left.withdrawn == {image}


def test_a_withdrawn_film_is_listed_if_the_node_may_have_it_or_all_are_asked_for(
    making, films, archive
):
    image, never_sent = films.add("a"), films.add("b", "0815")
    archive.do(withdraw, Author("dr.roe", "it was wrong"), never_sent)
    with node(*BOTH, status=0xA700) as (to, _), pytest.raises(SendingError):
        send_to(to, making(kinds=REPORTS), Sender())
    archive.do(withdraw, Author("dr.roe", "it was wrong"), image)
    after, resent = making(kinds=REPORTS), making(kinds=REPORTS)
    with node(*BOTH, port=to.port) as (again, _):
        send_to(again, after, Sender())
        send_to(again, resent, Sender(), resends=True)

    assert after.left.withdrawn == {image}
    assert resent.left.withdrawn == {image, never_sent}


def test_a_report_by_a_former_model_version_is_listed_too(making, films, archive, resources):
    """Nothing else says so if it stays: another version scores now."""
    both, former_alone = films.add("a"), films.add("b", "0815")
    with node(*BOTH) as (to, _):
        send_to(to, making(kinds=REPORTS), Sender())
        archive.do(withdraw, Author("dr.roe", "it was wrong"), former_alone)
        archive.queue("v2")
        archive.score(by="v2")
        current = Request(Selection(model("v2").key), kinds=REPORTS)
        send_to(to, Making(resources, current), Sender())
        archive.do(withdraw, Author("dr.roe", "it was wrong"), both)
        after = Making(resources, current)
        send_to(to, after, Sender())

    assert after.left.withdrawn == {both, former_alone}


def test_a_report_of_a_film_that_was_moved_is_listed(making, films, archive):
    """It names a patient whose the film is not; of the other none can be made."""
    image, never_sent = films.add("a"), films.add("b", "0815")
    archive.do(move, Author("dr.roe", "another person's"), never_sent, "p-other")
    with node(*BOTH) as (to, _):
        send_to(to, making(kinds=REPORTS), Sender())
        archive.do(move, Author("dr.roe", "another person's"), image, "p-other")
        after = making(kinds=REPORTS)
        send_to(to, after, Sender())

    assert after.left.withdrawn == {image}


def test_all_are_sent_again_if_asked_for(making, films):
    films.add("a")
    with node(*BOTH) as (to, received):
        for resends in (False, True):
            made = send_to(to, making(kinds=REPORTS), Sender(), resends=resends).made
            assert made == {Kind.REPORT: 1}

    assert len(received.instances) == 2


@pytest.mark.parametrize("answers", ["on the same connection", "on another"])
def test_what_a_node_does_not_promise_to_keep_is_sent_again(making, films, answers):
    films.add("a")
    films.add("b", "0815")
    own = Node(OWN_TITLE, "127.0.0.1", free_ports(1)[0])
    on_another = own if answers == "on another" else None
    reports = making(kinds=REPORTS)
    with committing_node(keeps=1, answers_to=on_another) as (to, received):
        first = send_to(to, reports, Sender(answers_to=own))
        second = send_to(to, reports, Sender(answers_to=own))

    assert (first.made, first.unkept) == ({Kind.REPORT: 2}, 1)
    assert (second.made, second.known, second.unkept) == ({Kind.REPORT: 1}, 1, 0)
    assert len(received.instances) == 3


def test_without_a_promise_that_was_asked_for_nothing_counts_as_kept(making, films):
    films.add("a")
    own = Node(OWN_TITLE, "127.0.0.1", free_ports(1)[0])
    with node(*BOTH) as (to, received):
        with pytest.raises(SendingError, match="no commitment"):
            send_to(to, making(kinds=REPORTS), Sender(answers_to=own))
        send_to(to, making(kinds=REPORTS), Sender())

    assert len(received.instances) == 2
