"""Results with the hospital's identifiers, which are read again from each film."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.parser import parse_message

from db.corrections import Author, move, withdraw
from db.engine import Database
from flows.exports.destinations import Folder
from flows.exports.identities import FilmIdentities
from flows.exports.sending import CODE_SYSTEM, ResultExport, SentCounts, Written
from flows.resources import Resources
from severity.domain import PatientId
from tests.builders.course_archive import CourseArchive
from tests.builders.film_folder import FilmFolder
from tests.flows.exports.conftest import ALL

NAMED = PatientId("4711", "clinic")
AUTHOR = Author("dr.roe", "it was wrong")
SYSTEM = "https://hospital.example/patients"


@pytest.fixture
def films(database: Database, resources: Resources, tmp_path: Path) -> FilmFolder:
    folder = tmp_path / "inbox"
    folder.mkdir()
    return FilmFolder(folder, CourseArchive(database, str(folder)), resources)


@pytest.fixture
def film(films: FilmFolder) -> int:
    """The image of a film that lies in its source."""
    return films.add(
        "a",
        NAMED.value,
        IssuerOfPatientID=NAMED.issuer,
        PatientName="Roe^Jane^Q^Dr^III=\u7530^\u82b1",
        SpecificCharacterSet="ISO_IR 192",
    )


@pytest.fixture
def identified(database: Database, resources: Resources) -> Callable[[Written], ResultExport]:
    def identified(written_as: Written) -> ResultExport:
        identities = FilmIdentities(resources, SYSTEM)
        return ResultExport(database, ALL, written_as, resources.result_id, identities)

    return identified


def test_fhir_names_patient_study_and_order_as_the_film_does(
    film: int, identified: Callable[[Written], ResultExport], tmp_path: Path
) -> None:
    assert identified(Written.FHIR).write(tmp_path / "out") == SentCounts(new=1, seen=1)
    (file,) = (path for path in (tmp_path / "out").iterdir() if path.name != CODE_SYSTEM)
    *_, report = (entry["resource"] for entry in json.loads(file.read_text())["entry"])

    subject = report["subject"]["identifier"]
    assert (subject["system"], subject["value"]) == (SYSTEM, "4711")
    assert subject["assigner"] == {"display": "clinic"}
    assert report["basedOn"][0]["identifier"]["value"] == "A-17"
    study = report["imagingStudy"][0]["identifier"]
    assert study["value"].startswith("urn:oid:")
    assert "4711" not in file.name


def test_hl7_has_the_identifier_the_name_and_the_pseudonym(
    film: int,
    identified: Callable[[Written], ResultExport],
    resources: Resources,
    tmp_path: Path,
) -> None:
    identified(Written.HL7).write(tmp_path / "out")
    (file,) = (tmp_path / "out").iterdir()
    content = file.read_bytes().decode()
    message = parse_message(content, validation_level=VALIDATION_LEVEL.STRICT)
    message.validate()
    pid = message.oru_r01_patient_result.oru_r01_patient.pid

    hospitals, pseudonym = pid.pid_3
    assert hospitals.to_er7() == "4711^^^clinic^MR"
    assert pseudonym.cx_1.to_er7() == resources.pseudonym(NAMED)
    assert pid.pid_5.to_er7() == "Roe^Jane^Q^III^Dr^^L"
    order = message.oru_r01_patient_result.oru_r01_order_observation
    assert order.obr.obr_18.to_er7() == "A-17"


def test_a_film_that_is_gone_is_left_out_and_told_by_its_id(
    films: FilmFolder,
    film: int,
    identified: Callable[[Written], ResultExport],
    tmp_path: Path,
) -> None:
    films.remove("a")
    counts = identified(Written.HL7).write(tmp_path / "out")

    assert counts.new == 0
    assert [each.image_id for each in counts.unidentified] == [film]
    assert list((tmp_path / "out").iterdir()) == []


def test_what_was_withdrawn_is_told_although_its_film_is_gone(
    films: FilmFolder,
    film: int,
    identified: Callable[[Written], ResultExport],
    tmp_path: Path,
) -> None:
    (tmp_path / "out").mkdir()
    identified(Written.HL7).send(Folder(tmp_path / "out"))
    films.archive.do(withdraw, AUTHOR, film)
    films.remove("a")

    assert identified(Written.HL7).send(Folder(tmp_path / "out")) == SentCounts(withdrawn=1, seen=1)
    assert any("|W|" in file.read_text() for file in (tmp_path / "out").iterdir())


def test_a_film_that_was_moved_is_withdrawn_from_the_patient_whom_it_names(
    films: FilmFolder,
    film: int,
    identified: Callable[[Written], ResultExport],
    resources: Resources,
    tmp_path: Path,
) -> None:
    """Else it stays in the records of a person whose it is not."""

    def told() -> tuple[SentCounts, set[str]]:
        before = set(tmp_path.glob("*.hl7"))
        counts = identified(Written.HL7).send(Folder(tmp_path))
        new = [file.read_text() for file in set(tmp_path.glob("*.hl7")) - before]
        return counts, {mark for mark in ("|F|", "|C|", "|W|") for text in new if mark in text}

    assert told() == (SentCounts(new=1, seen=1), {"|F|"})
    films.archive.do(move, AUTHOR, film, "p-other")
    films.archive.follow()

    counts, marks = told()
    assert (counts.withdrawn, counts.unchanged) == (1, 0)
    assert "|W|" in marks
    again, marks = told()
    assert [each.image_id for each in again.unidentified] == [film]
    assert (again.withdrawn, again.unchanged, marks) == (0, 0, set())

    films.archive.do(move, AUTHOR, film, resources.pseudonym(NAMED))
    films.archive.follow()
    assert told() == (SentCounts(changed=1, seen=1), {"|C|"})


def test_a_film_of_which_an_unknown_issuer_is_the_cause_is_not_withdrawn(
    films: FilmFolder,
    film: int,
    identified: Callable[[Written], ResultExport],
    resources: Resources,
    tmp_path: Path,
) -> None:
    """A wrong setting must not empty the hospital's records."""
    identified(Written.HL7).send(Folder(tmp_path))
    with films.archive.database.transaction() as session:
        session.connection().exec_driver_sql("UPDATE patient SET patient_key = 'p-else'")
    films.archive.follow()

    counts = identified(Written.HL7).send(Folder(tmp_path))

    assert counts.withdrawn == 0
    assert [each.image_id for each in counts.unidentified] == [film]


def test_a_film_is_read_again_only_if_there_is_news(
    films: FilmFolder,
    film: int,
    identified: Callable[[Written], ResultExport],
    tmp_path: Path,
) -> None:
    (tmp_path / "out").mkdir()
    identified(Written.HL7).send(Folder(tmp_path / "out"))
    films.remove("a")

    assert identified(Written.HL7).send(Folder(tmp_path / "out")) == SentCounts(seen=1)


def test_a_source_is_opened_once_for_many_films(
    films: FilmFolder,
    film: int,
    identified: Callable[[Written], ResultExport],
    tmp_path: Path,
    opened: list[str],
) -> None:
    """One that is silent costs minutes."""
    films.add("b", NAMED.value, IssuerOfPatientID=NAMED.issuer)

    assert identified(Written.HL7).write(tmp_path / "out") == SentCounts(new=2, seen=2)
    assert opened == [str(films.folder)]
