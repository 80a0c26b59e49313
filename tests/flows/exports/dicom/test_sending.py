"""Sending to nodes: what they take, what they refuse, and what is said of it."""

import time
from io import BytesIO

import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import Comprehensive3DSRStorage, SecondaryCaptureImageStorage

from flows.dicom_node import Node
from flows.errors import SendingError
from flows.exports.dicom.instance import as_file
from flows.exports.dicom.sending import Association
from flows.exports.dicom.structured_report import structured_report
from tests.builders.dicom_films import FILM, REPORTING, of_file
from tests.builders.dicom_nodes import dcmtk_node, node
from tests.builders.ports import reserved_port


@pytest.fixture(scope="module")
def report():
    return structured_report(FILM, of_file(PatientID="4711"), REPORTING)


def send(to, report):
    with Association(to) as association:
        association.store(report)


@pytest.mark.parametrize("status", [0x0000, 0xB000, 0x0111], ids=["stored", "coerced", "known"])
def test_a_node_has_stored_what_it_says_it_has(report, status):
    with node(Comprehensive3DSRStorage, status=status) as (to, received):
        send(to, report)

    (instance,) = received.instances
    assert Dataset(instance) == Dataset(dcmread(BytesIO(as_file(report))))


def test_dcmtk_stores_a_report(report, tmp_path):
    with dcmtk_node(tmp_path) as to:
        deadline = time.monotonic() + 30
        while True:
            try:
                send(to, report)
                break
            except SendingError:  # it is not listening yet
                assert time.monotonic() < deadline
                time.sleep(0.05)

    (file,) = tmp_path.iterdir()
    assert dcmread(file).SOPInstanceUID == report.SOPInstanceUID


def test_a_refusal_is_told_with_its_status_and_nothing_of_the_patient(report):
    with (
        node(Comprehensive3DSRStorage, status=0xA700) as (to, _),
        pytest.raises(SendingError, match="0xA700") as refused,
    ):
        send(to, report)

    assert "4711" not in str(refused.value)
    assert report.SOPInstanceUID not in str(refused.value)


def test_a_node_that_takes_no_reports_is_told_apart_from_one_that_refuses(report):
    with node(SecondaryCaptureImageStorage) as (to, _):
        with pytest.raises(SendingError, match="does not take structured reports"):
            send(to, report)
        with pytest.raises(SendingError, match="refused the association"):
            send(Node("ANOTHER", to.host, to.port), report)


def test_a_node_that_is_not_there_is_told_so(report):
    with reserved_port() as port, pytest.raises(SendingError, match="does not answer"):
        send(Node("NODE", "127.0.0.1", port), report)
    with pytest.raises(SendingError, match="does not answer"):
        send(Node("NODE", "no-such-host.invalid", 104), report)


def test_a_node_that_closed_the_association_after_a_pause_is_connected_again(report):
    with node(Comprehensive3DSRStorage) as (to, received), Association(to) as association:
        association.store(report)
        received.close_all()
        association.store(report)

    assert len(received.instances) == 2
