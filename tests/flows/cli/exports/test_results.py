"""The commands that write and send results, as their user meets them."""

from pathlib import Path

import pytest

from db.corrections import Author, withdraw
from db.engine import Database
from severity.domain import PatientId
from tests.builders.archive import Archive, Film, model
from tests.builders.commands import Command
from tests.builders.course_archive import CourseArchive, film

NAMED = "PID-4711-0815"


@pytest.fixture
def named(resources, archive: Archive) -> Archive:
    """An archive of two patients, of whom one is known by an identifier."""
    archive.add(Film("a", patient=resources.pseudonym(PatientId(NAMED))), Film("b"), by="compact-3")
    return archive


def test_one_patient_is_exported_by_the_hospitals_identifier_which_is_in_no_file(
    correct: Command, named: Archive, tmp_path: Path
) -> None:
    for written_as in ("fhir", "hl7"):
        folder = tmp_path / written_as
        result = correct("export", written_as, str(folder), "--patient", NAMED)

        assert result.code == 0, result.err
        (file,) = folder.glob("*-*-*")
        assert NAMED not in file.read_text() + file.name + result.out
        assert "p-" in file.read_text()


def test_a_system_of_identifiers_that_no_file_would_carry_is_wrong_use(
    correct: Command, named: Archive, tmp_path: Path
) -> None:
    result = correct(
        "export", "fhir", str(tmp_path / "out"), "--identifier-system", "http://hospital.example/id"
    )

    assert result.code == 2
    assert "--identified" in result.err


def test_a_destination_whose_name_is_too_long_is_wrong_use(
    correct: Command, named: Archive
) -> None:
    result = correct("export", "hl7", "--send", "long" * 64)

    assert result.code == 2
    assert "the destination is no folder" in result.err


def test_what_is_sent_twice_is_sent_once(correct: Command, named: Archive, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    first = correct("export", "hl7", "--send", str(tmp_path / "out"))
    again = correct("export", "hl7", "--send", str(tmp_path / "out"))

    assert first.out.startswith("sent: 2 new")
    assert "2 were there already" in again.out
    assert len(list((tmp_path / "out").iterdir())) == 2


def test_all_is_sent_again_if_asked_for(correct: Command, named: Archive, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    correct("export", "hl7", "--send", str(tmp_path / "out"))

    again = correct("export", "hl7", "--send", str(tmp_path / "out"), "--resend")

    assert again.out.startswith("sent: 0 new, 2 changed")
    assert len(list((tmp_path / "out").iterdir())) == 4


def test_wrong_use_is_told_and_nothing_is_sent(correct: Command, named: Archive) -> None:
    for arguments, message in [
        (["fhir"], "either FOLDER or --send"),
        (["fhir", "out", "--send", "there"], "either FOLDER or --send"),
        (["fhir", "--send", "no-folder"], "make it first"),
        (["hl7", "out", "--resend"], "--resend needs --send"),
        (["fhir", "--send", "http://host/fhir", "--identified"], "https alone"),
        (["fhir", "--send", "ftp://host/x"], "neither a folder nor"),
        (["fhir", "--send", "https://me:secret@host/fhir"], "SEVERITY_FHIR_TOKEN"),
        (["hl7", "--send", "http://host/fhir"], "use `export fhir`"),
        (["tables", "out", "--model", "best"], "no score by a model 'best'"),
        (["tables", "out", "--patient", "p-nobody"], "no score by"),
    ]:
        result = correct("export", *arguments)

        assert result.code == 2, arguments
        assert message in result.err
        assert "secret" not in result.err
    assert named.rows("SELECT count(*) FROM destination") == [(0,)]


def test_of_a_patient_it_is_sent_that_the_last_film_was_withdrawn(
    correct: Command, named: Archive, tmp_path: Path
) -> None:
    arguments = ("export", "hl7", "--patient", NAMED, "--send", str(tmp_path))
    correct(*arguments)
    named.do(withdraw, Author("dr.roe", "another person's"), named.image(Film("a")))

    assert correct(*arguments).out.startswith("sent: 0 new, 0 changed, 1 withdrawn")
    assert correct("export", "hl7", str(tmp_path / "new"), "--patient", NAMED).code == 2


@pytest.fixture
def withdrawn_baseline(database: Database) -> CourseArchive:
    """The baseline was withdrawn; no pass has computed the course anew since."""
    archive, baseline = CourseArchive(database), film("a", 0, 7.0)
    archive.follow(baseline, film("b", 2, 2.0), film("c", 4, 2.0))
    archive.do(withdraw, Author("dr.roe", "another person's"), archive.image(baseline))
    return archive


def test_no_verdict_is_sent_that_rests_on_a_film_that_was_withdrawn(
    correct: Command, withdrawn_baseline: CourseArchive, tmp_path: Path
) -> None:
    sent = correct("export", "hl7", "--send", str(tmp_path), "--model", model().key)

    assert (sent.code, sent.err) == (0, "")
    messages = [file.read_text() for file in tmp_path.glob("*.hl7")]
    assert len(messages) == 2
    assert not any("|BETTER^" in message for message in messages)


@pytest.mark.parametrize("kind", ["fhir", "hl7", "tables"])
def test_files_with_courses_that_are_not_up_to_date_are_told(
    correct: Command, withdrawn_baseline: CourseArchive, tmp_path: Path, kind: str
) -> None:
    arguments = ("--model", model().key)

    stale = correct("export", kind, str(tmp_path / "stale"), *arguments)
    correct("courses", "update")
    current = correct("export", kind, str(tmp_path / "current"), *arguments)

    assert "NOT UP TO DATE" in stale.err
    assert "1 patient" in stale.err
    assert current.err == ""


def test_films_that_cannot_be_identified_are_left_out_and_counted(
    correct: Command, named: Archive, tmp_path: Path
) -> None:
    """Their files are not in the source."""
    result = correct("export", "hl7", str(tmp_path / "out"), "--identified")

    assert result.code == 3
    assert "2 images (1, 2)" in result.err
    assert list((tmp_path / "out").iterdir()) == []
