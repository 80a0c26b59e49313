"""The command that writes and sends DICOM files, as its user meets it."""

import pytest
from pydicom import dcmread
from pydicom.uid import Comprehensive3DSRStorage

from db.corrections import Author, withdraw
from tests.builders.archive import model
from tests.builders.course_archive import CourseArchive
from tests.builders.dicom_films import film_file
from tests.builders.dicom_nodes import ORTHANC_SENDS_TO, node
from tests.builders.film_folder import FilmFolder
from tests.builders.network_namespaces import relay_to
from tests.builders.ports import free_ports, reserved_port


@pytest.fixture
def films(database, tmp_path, resources):
    (tmp_path / "inbox").mkdir()
    archive = CourseArchive(database, str(tmp_path / "inbox"))
    return FilmFolder(tmp_path / "inbox", archive, resources)


MODEL = ("--model", model().key)


def test_one_patient_is_exported_by_identifier_and_what_is_gone_needs_attention(
    correct, films, tmp_path
):
    gone = films.add("roe-a", "PID-4711", StudyDate="20200401")
    films.add("roe-b", "PID-4711", StudyDate="20200402")
    films.add("c", "0815")
    films.remove("roe-a")

    result = correct("export", "dicom", str(tmp_path / "out"), "--patient", "PID-4711", *MODEL)

    assert result.code == 3
    assert result.out.startswith("1 report and 1 page are in ")
    assert f"1 image ({gone})" in result.err
    assert "roe" not in (result.out + result.err).lower()
    files = [dcmread(path) for path in (tmp_path / "out").iterdir()]
    assert {file.Modality for file in files} == {"SR", "OT"}
    assert {file.PatientID for file in files} == {"PID-4711"}


def test_a_film_in_hand_stands_in_for_one_that_is_gone(correct, films, tmp_path):
    films.add("a")
    (films.folder / "a.dcm").rename(tmp_path / "kept.dcm")
    arguments = ("export", "dicom", str(tmp_path / "out"), "--only", "report", *MODEL)

    refused = correct(*arguments)
    done = correct(*arguments, "--film", str(tmp_path / "kept.dcm"))

    assert refused.code == 2
    assert "--pseudonymous" in refused.err
    assert done.code == 0
    (file,) = (tmp_path / "out").iterdir()
    assert dcmread(file).PatientID == "4711"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "either FOLDER or --send"),
        (["out", "--send", "PACS@host:104"], "either FOLDER or --send"),
        (["--send", "host:104"], "is named like"),
        (["out", "--commit", "host:104"], "--commit is for --send alone"),
        (["out", "--pseudonymous", "--film", "{film}"], "either --film or --pseudonymous"),
    ],
)
def test_wrong_use_is_told_in_one_line(correct, films, tmp_path, arguments, message):
    (tmp_path / "a.dcm").write_bytes(film_file("a"))
    film = tmp_path / "a.dcm"

    result = correct("export", "dicom", *(each.format(film=film) for each in arguments), *MODEL)

    assert result.code == 2
    assert message in result.err
    assert len(result.err.splitlines()) == 1


def test_a_node_that_is_not_there_is_told_in_one_line_that_names_no_patient(correct, films):
    films.add("a", "PID-4711", PatientName="Roe")
    with reserved_port() as port:
        result = correct("export", "dicom", "--send", f"PACS@127.0.0.1:{port}", *MODEL)

    assert result.code == 1
    assert "does not answer" in result.err
    assert len(result.err.splitlines()) == 1


def test_each_report_that_a_person_must_delete_is_named(correct, films):
    """Only these commands know: the archive keeps a report until somebody deletes it."""
    images = [films.add(f"film-{number}", "4711") for number in range(12)]
    with node(Comprehensive3DSRStorage) as (to, _):
        arguments = ("export", "dicom", "--only", "report", "--send", str(to), *MODEL)
        correct(*arguments)
        for image in images[:11]:
            films.archive.do(withdraw, Author("dr.roe", "another person's"), image)
        result = correct(*arguments)

    assert f"11 images ({', '.join(map(str, images[:11]))})" in result.err


def test_an_archive_stores_what_is_sent_beside_the_film_and_promises_to_keep_it(
    correct, films, pacs
):
    films.add("a")
    (port,) = free_ports(1)
    with relay_to(pacs.process.pid, port, at=ORTHANC_SENDS_TO):
        to = ("--send", str(pacs.node), "--commit", f"127.0.0.1:{port}")
        sent = correct("export", "dicom", *to, *MODEL)

    assert (sent.code, sent.err) == (0, "")
    (study,) = pacs.ask("/studies?expand")
    film = dcmread(films.folder / "a.dcm")
    assert study["MainDicomTags"]["StudyInstanceUID"] == film.StudyInstanceUID
    assert study["PatientMainDicomTags"]["PatientName"] == "Roe^Jane"
    series = pacs.ask("/series?expand")
    assert {each["MainDicomTags"]["Modality"] for each in series} == {"SR", "OT"}
    assert len(pacs.ask("/instances")) == 2
