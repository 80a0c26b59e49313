"""What a destination has after results were sent, were changed, and were sent again."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from db.corrections import Author, correct_time, forget, merge, restore, withdraw
from db.engine import Database
from db.reading.exports import Selection
from flows.errors import SendingError
from flows.exports.destinations import Destination, FhirServer, Folder
from flows.exports.sending import CODE_SYSTEM, ResultExport, SentCounts, Written
from tests.builders.archive import model
from tests.builders.course_archive import DAY_ZERO, CourseArchive, film
from tests.builders.fhir_server import StoringServer, running_fhir_server
from tests.builders.postgres import execute
from tests.flows.exports.conftest import BASELINE, BY_LUNG, WORSE

AUTHOR = Author("dr.roe", "it was wrong")
Export = Callable[..., ResultExport]


@pytest.fixture(scope="module")
def running() -> Iterator[StoringServer]:
    with running_fhir_server() as server:
        yield server


@pytest.fixture
def server(running: StoringServer) -> StoringServer:
    """A FHIR server that has nothing."""
    running.stored.clear()
    running.problems.clear()
    running.headers.clear()
    running.is_a_web_page = False
    return running


@pytest.fixture
def followed(archive: CourseArchive) -> CourseArchive:
    archive.follow(BASELINE, WORSE)
    return archive


def send(export: ResultExport, server: StoringServer) -> SentCounts:
    with FhirServer(server.url, pause=0.01) as destination:
        counts = export.send(destination)
    assert server.problems == []
    return counts


def statuses(server: StoringServer) -> dict[str, int]:
    """Return how many observations have each status."""
    all_of = [observation["status"] for observation in server.of_kind("Observation")]
    return {status: all_of.count(status) for status in all_of}


def test_the_time_zone_of_the_connection_changes_no_result(
    followed: CourseArchive, export: Export, server: StoringServer, database: Database
) -> None:
    send(export(), server)
    url = database.engine.url.render_as_string(hide_password=False)
    execute(url, f"ALTER DATABASE {database.engine.url.database} SET timezone = 'EST'")
    elsewhere = Database(url)

    assert send(replace(export(), database=elsewhere), server) == SentCounts(seen=2)
    elsewhere.dispose()


def test_what_a_former_model_version_scored_is_put_right_too(
    archive: CourseArchive, export: Export, server: StoringServer
) -> None:
    """Nothing says so at the hospital if it stays: another version scores now."""
    wrong, right = film("a", 0, 7.0), film("b", 1, 2.0)
    archive.follow(wrong, right)
    send(export(), server)
    archive.add(film("c", 2, 3.0), by="v2")
    archive.queue("v2")
    archive.score(by="v2")
    current = replace(export(), selection=Selection(model("v2").key))
    assert send(current, server) == SentCounts(new=3, seen=3)

    archive.do(withdraw, AUTHOR, archive.image(wrong))

    assert send(current, server) == SentCounts(withdrawn=2, seen=4)
    reports = [report["status"] for report in server.of_kind("DiagnosticReport")]
    assert sorted(reports) == ["entered-in-error"] * 2 + ["final"] * 3
    assert send(current, server) == SentCounts(seen=3)


def test_what_was_sent_is_stored_whole_and_once(
    followed: CourseArchive, export: Export, server: StoringServer
) -> None:
    first = send(export(), server)
    stored = dict(server.stored)
    again = send(export(), server)

    assert (first, again) == (SentCounts(new=2, seen=2), SentCounts(seen=2))
    assert server.stored == stored
    kinds = [path.partition("/")[0] for path in stored]
    assert {kind: kinds.count(kind) for kind in kinds} == {
        "Device": 1,
        "Observation": 8,
        "DiagnosticReport": 2,
    }
    references = [
        result["reference"]
        for report in server.of_kind("DiagnosticReport")
        for result in report["result"]
    ]
    assert set(references) == {path for path in stored if path.startswith("Observation")}


@dataclass(frozen=True)
class Breaking:
    """A destination during whose next sending the program ends, before or after it has arrived."""

    destination: Destination
    has_it: bool

    @property
    def location(self) -> str:
        return self.destination.location

    def send(self, name: str, content: str) -> None:
        if self.has_it:
            self.destination.send(name, content)
        raise KeyboardInterrupt


@pytest.mark.parametrize("has_it", [False, True])
def test_a_server_has_the_truth_after_an_export_ended_anywhere(
    followed: CourseArchive, export: Export, server: StoringServer, *, has_it: bool
) -> None:
    def break_off() -> None:
        with FhirServer(server.url) as destination, pytest.raises(KeyboardInterrupt):
            export().send(Breaking(destination, has_it))

    break_off()  # at the first film
    followed.do(withdraw, AUTHOR, followed.image(BASELINE))
    assert send(export(), server).withdrawn == 1
    assert statuses(server) == {"entered-in-error": 4, "final": 4}

    followed.do(withdraw, AUTHOR, followed.image(WORSE))
    break_off()
    followed.do(restore, AUTHOR, followed.image(WORSE))  # as it was when it was sent last
    assert send(export(), server).changed == 1
    assert statuses(server) == {"entered-in-error": 4, "corrected": 4}
    assert send(export(), server) == SentCounts(seen=2)


@pytest.mark.parametrize("has_it", [False, True])
def test_a_first_sending_that_was_killed_is_made_again_and_is_no_correction(
    followed: CourseArchive, export: Export, server: StoringServer, *, has_it: bool
) -> None:
    with FhirServer(server.url) as destination, pytest.raises(KeyboardInterrupt):
        export().send(Breaking(destination, has_it))

    assert send(export(), server) == SentCounts(new=2, seen=2)
    assert statuses(server) == {"final": 8}


def test_two_exports_to_one_destination_do_not_run_at_once(
    followed: CourseArchive, export: Export, tmp_path: Path
) -> None:
    """As an hourly one, while the first of a whole archive lasts: both would send the rest."""

    class Overlapped(Folder):
        def send(self, name: str, content: str) -> None:
            with pytest.raises(SendingError, match="another export"):
                export(Written.HL7).send(Folder(tmp_path))
            elsewhere = tmp_path / name
            elsewhere.mkdir()
            export(Written.HL7).send(Folder(elsewhere))
            super().send(name, content)

    assert export(Written.HL7).send(Overlapped(tmp_path)) == SentCounts(new=2, seen=2)
    assert len([file for file in tmp_path.iterdir() if file.is_file()]) == 2
    assert export(Written.HL7).send(Folder(tmp_path)) == SentCounts(seen=2)


def test_a_folder_gets_the_truth_after_an_export_ended_anywhere(
    followed: CourseArchive, export: Export, tmp_path: Path
) -> None:
    for has_it in (False, True):
        with pytest.raises(KeyboardInterrupt):
            export(Written.HL7).send(Breaking(Folder(tmp_path), has_it))
    followed.do(withdraw, AUTHOR, followed.image(BASELINE))

    assert export(Written.HL7).send(Folder(tmp_path)).withdrawn == 1
    assert {"|W|", "|F|"} == {
        mark for mark in ("|W|", "|F|") for file in tmp_path.iterdir() if mark in file.read_text()
    }


def test_a_server_is_right_although_the_record_was_lost(
    followed: CourseArchive, export: Export, server: StoringServer
) -> None:
    """As after the database was restored from a backup."""
    send(export(), server)
    with followed.database.transaction() as session:
        session.connection().exec_driver_sql("DELETE FROM sent")
    followed.do(withdraw, AUTHOR, followed.image(BASELINE))
    followed.do(correct_time, AUTHOR, followed.image(WORSE), DAY_ZERO + timedelta(days=1))

    assert send(export(), server) == SentCounts(new=1, seen=1)
    times = {each["effectiveDateTime"] for each in server.of_kind("DiagnosticReport")}
    assert len(times) == 2
    assert any(time.startswith(f"{DAY_ZERO + timedelta(days=1):%Y-%m-%d}") for time in times)

    again = replace(export(), resends=True)
    assert send(again, server) == SentCounts(changed=1, withdrawn=1, seen=2)
    assert statuses(server) == {"corrected": 4, "entered-in-error": 4}
    assert send(export(), server) == SentCounts(seen=2)


def test_a_patient_who_is_forgotten_during_an_export_is_not_sent(
    followed: CourseArchive, export: Export, server: StoringServer
) -> None:
    class Forgetting(FhirServer):
        def send(self, name: str, content: str) -> None:
            super().send(name, content)
            followed.do(forget, AUTHOR, "p-1")

    with Forgetting(server.url) as destination:
        counts = export().send(destination)

    assert counts.new == 1
    assert len(server.of_kind("DiagnosticReport")) == 1
    assert followed.rows("SELECT count(*) FROM sent") == [(0,)]


def test_a_server_that_has_it_stores_nothing_twice_although_no_record_is_left(
    followed: CourseArchive, export: Export, server: StoringServer
) -> None:
    """As after the database was restored from a backup."""
    send(export(), server)
    stored = dict(server.stored)
    with followed.database.transaction() as session:
        session.connection().exec_driver_sql("DELETE FROM sent")

    assert send(export(), server) == SentCounts(new=2, seen=2)
    assert server.stored == stored


def test_an_answer_that_was_lost_leads_to_no_second_copy(
    followed: CourseArchive, export: Export, server: StoringServer
) -> None:
    server.loses_answers = 1

    assert send(export(), server) == SentCounts(new=2, seen=2)
    assert len(server.of_kind("DiagnosticReport")) == 2


def test_a_busy_server_is_asked_again_and_one_that_refuses_is_not(
    followed: CourseArchive, export: Export, server: StoringServer
) -> None:
    server.refusals = [503, 429]
    assert send(export(), server) == SentCounts(new=2, seen=2)

    followed.do(correct_time, AUTHOR, followed.image(WORSE), DAY_ZERO + timedelta(days=1))
    server.refusals, before = [401], len(server.headers)
    with pytest.raises(SendingError, match="401"):
        send(export(), server)
    assert len(server.headers) == before + 1


def test_an_export_that_was_broken_off_goes_on(
    followed: CourseArchive, export: Export, server: StoringServer
) -> None:
    class Full(Exception):
        pass

    class OneOnly(FhirServer):
        def send(self, name: str, content: str) -> None:
            if server.stored:
                raise Full
            super().send(name, content)

    with pytest.raises(Full), OneOnly(server.url) as destination:
        export().send(destination)

    assert send(export(), server) == SentCounts(new=1, seen=2)
    assert len(server.of_kind("DiagnosticReport")) == 2


def test_what_is_no_fhir_server_is_told_apart(
    followed: CourseArchive, export: Export, server: StoringServer
) -> None:
    """Any web page answers 200."""
    server.is_a_web_page = True

    with pytest.raises(SendingError, match="base URL"):
        send(export(), server)
    assert followed.rows("SELECT count(*) FROM sent WHERE content_sha256 <> ''") == [(0,)]


def test_a_withdrawn_film_is_entered_in_error_where_it_was_sent(
    followed: CourseArchive, export: Export, server: StoringServer
) -> None:
    send(export(), server)
    followed.do(withdraw, AUTHOR, followed.image(WORSE))

    assert send(export(), server) == SentCounts(withdrawn=1, seen=2)
    assert statuses(server) == {"final": 4, "entered-in-error": 4}
    assert send(export(), server) == SentCounts(seen=2)

    followed.do(restore, AUTHOR, followed.image(WORSE))
    assert send(export(), server).changed == 1
    assert statuses(server) == {"final": 4, "corrected": 4}


def test_what_each_lung_has_is_sent_once_and_withdrawn_with_its_film(
    archive: CourseArchive, export: Export, server: StoringServer
) -> None:
    archive.follow(BY_LUNG)
    assert send(export(), server) == SentCounts(new=1, seen=1)
    assert send(export(), server) == SentCounts(seen=1)
    (extent,) = (
        each
        for each in server.of_kind("Observation")
        if each["code"]["coding"][0]["code"] == "EXTENT"
    )
    assert {member["reference"] for member in extent["hasMember"]} <= set(server.stored)
    assert statuses(server) == {"final": 8}

    archive.do(withdraw, AUTHOR, archive.image(BY_LUNG))
    assert send(export(), server) == SentCounts(withdrawn=1, seen=1)
    assert statuses(server) == {"entered-in-error": 8}


def test_a_film_that_was_withdrawn_before_is_not_sent(
    followed: CourseArchive, export: Export, server: StoringServer
) -> None:
    followed.do(withdraw, AUTHOR, followed.image(WORSE))
    followed.follow()

    assert send(export(), server) == SentCounts(new=1, seen=1)


def test_a_result_of_a_merged_patient_becomes_that_of_the_other(
    followed: CourseArchive, export: Export, server: StoringServer
) -> None:
    followed.follow(film("other", 0, patient="p-2"))
    send(export(), server)
    followed.do(merge, AUTHOR, "p-1", "p-2")
    followed.follow()

    assert send(export(), server).changed == 3
    patients = {
        observation["subject"]["identifier"]["value"]
        for observation in server.of_kind("Observation")
    }
    assert patients == {"p-2"}
    assert len(server.of_kind("DiagnosticReport")) == 3


def test_what_was_sent_is_put_right_although_the_selection_moved_on(
    archive: CourseArchive, export: Export, server: StoringServer
) -> None:
    """As where a nightly export takes the films of the last days."""
    old, older, recent = film("a", 0), film("b", 1), film("c", 9)
    archive.follow(old, older, recent)
    send(export(), server)
    of_late = export(selection=replace(Selection(model().key), since=DAY_ZERO + timedelta(days=8)))
    assert send(of_late, server) == SentCounts(seen=1)

    archive.do(withdraw, AUTHOR, archive.image(old))
    archive.do(correct_time, AUTHOR, archive.image(recent), DAY_ZERO + timedelta(days=5))
    archive.follow()

    assert send(of_late, server) == SentCounts(withdrawn=1, changed=1, seen=2)
    assert send(of_late, server) == SentCounts(seen=2)


def test_results_of_another_patient_are_left(
    followed: CourseArchive, export: Export, server: StoringServer
) -> None:
    followed.follow(film("other", 0, patient="p-2"))

    of_other = Selection(model().key, patient_key="p-2")

    assert send(export(selection=of_other), server) == SentCounts(new=1, seen=1)


def test_a_forgotten_patient_leaves_no_record(
    followed: CourseArchive, export: Export, server: StoringServer
) -> None:
    send(export(), server)
    followed.do(forget, AUTHOR, "p-1")

    assert followed.rows("SELECT count(*) FROM sent") == [(0,)]


def test_a_token_is_sent_and_stored_nowhere(
    followed: CourseArchive, export: Export, server: StoringServer
) -> None:
    with FhirServer(server.url, "s3cret") as destination:
        export().send(destination)

    assert {header["Authorization"] for header in server.headers} == {"Bearer s3cret"}
    assert followed.rows("SELECT location FROM destination") == [(server.url,)]
    assert "s3cret" not in repr(destination)


def test_a_folder_gets_one_file_for_each_result_and_one_for_each_change(
    followed: CourseArchive, export: Export, tmp_path: Path
) -> None:
    first = export(Written.HL7).send(Folder(tmp_path))
    for file in tmp_path.iterdir():
        file.unlink()  # as the program does that takes them
    followed.do(withdraw, AUTHOR, followed.image(WORSE))
    second = export(Written.HL7).send(Folder(tmp_path))

    assert (first, second) == (SentCounts(new=2, seen=2), SentCounts(withdrawn=1, seen=2))
    (file,) = tmp_path.iterdir()
    assert "|W|" in file.read_text()
    assert file.suffix == ".hl7"


def test_what_one_destination_has_is_no_matter_to_another(
    followed: CourseArchive, export: Export, tmp_path: Path
) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        assert export().send(Folder(tmp_path / name)) == SentCounts(new=2, seen=2)
    assert export(Written.HL7).send(Folder(tmp_path / "one")) == SentCounts(new=2, seen=2)


def test_a_written_export_has_a_transaction_for_each_film(
    followed: CourseArchive, export: Export, tmp_path: Path
) -> None:
    written = export().write(tmp_path / "out")
    files = set((tmp_path / "out").iterdir())
    files.remove(tmp_path / "out" / CODE_SYSTEM)

    assert (written, len(files)) == (SentCounts(new=2, seen=2), 2)
    assert {json.loads(file.read_text())["type"] for file in files} == {"transaction"}
    assert followed.rows("SELECT count(*) FROM sent") == [(0,)]
