"""The pseudonym secret is renewed: patients keep their courses, and a kill loses nothing."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from db.backups import read_backup, restore_backup, write_backup
from db.corrections import Author
from db.engine import Database
from db.errors import DatabaseError
from db.events import PatientGroup
from flows.errors import UsageError
from flows.events.importing import TreatmentImport
from flows.events.record import Record
from flows.operations.secret_renewal import renew_secret
from flows.resources import Opened, Progress, Resources
from flows.scoring.run import under_way
from severity.domain import PatientId
from severity.pseudonym import patient_key, renewed_patient_key
from tests.builders.archive import Archive, Film
from tests.builders.commands import environment
from tests.builders.postgres import new_database
from tests.builders.settings import SECRET
from tests.builders.small_images import write_image, write_inbox, write_sidecar


def alone(resources):
    """The same resources of a program that has just started; the one before has ended."""
    if resources.opened.database is not None:
        resources.opened.database.dispose()
    # With the same model, whose loading takes seconds.
    return replace(resources, opened=Opened(model=resources.opened.model))


def renew(resources):
    """Renew the secret as a program does, which then ends."""
    own = alone(resources)
    try:
        return renew_secret(own)
    finally:
        own.open_database().dispose()


@pytest.fixture
def own_secret(resources, database):
    """Resources whose secret is in the home folder, as beside an embedded database."""
    database.dispose()
    resources.settings.home.mkdir()
    resources.settings.pseudonym_file.write_text(SECRET)
    settings = resources.settings.model_copy(update={"pseudonym_key": None})
    return Resources(settings, Progress())


def rows(resources, query):
    with resources.open_database().transaction() as session:
        return sorted(tuple(row) for row in session.execute(text(query)))


KEYED = {
    "patients": "SELECT patient_key FROM patient",
    "summaries": "SELECT patient_key FROM patient_summary",
    "studies": "SELECT study_uid FROM study",
    "places": "SELECT fingerprint::text FROM sighting",
    "objects": "SELECT encode(record_sha256, 'hex') FROM object",
    "site": "SELECT pseudonym_check FROM site",
}


def keyed(resources):
    """All that is stored of what is keyed with the secret, as a program finds it that has begun."""
    own = alone(resources)
    try:
        return {name: rows(own, query) for name, query in KEYED.items()}
    finally:
        own.open_database().dispose()


def test_patients_keep_their_films_and_new_ones_land_with_them(score, own_secret, tmp_path):
    inbox = tmp_path / "inbox"
    write_inbox(inbox, images=4, patients=2)
    score(inbox, own_secret)
    before, scores = keyed(own_secret), rows(own_secret, "SELECT image_id, opacity FROM score")

    renew(own_secret)
    after = alone(own_secret)

    for name, stored in keyed(after).items():
        assert not set(stored) & set(before[name]), name  # by the old secret nothing is found
    again = score(inbox, after)
    assert (again.enlisted, again.scored) == (0, 0)
    assert rows(after, "SELECT image_id, opacity FROM score") == scores
    write_image(inbox / "later.png", seed=99)
    write_sidecar(
        inbox,
        [
            {
                "filename": f"image-{n:04}.png",
                "patient_id": f"P{n % 2}",
                "acquired_at": f"2020-03-{1 + n // 2:02}",
                "view": "PA",
            }
            for n in range(4)
        ]
        + [
            {"filename": "later.png", "patient_id": "P0", "acquired_at": "2020-03-02", "view": "PA"}
        ],
    )
    assert score(inbox, after).scored == 1
    assert rows(
        after,
        "SELECT patient_key, count(DISTINCT study.id), count(*) FROM image "
        "JOIN study ON study.id = study_id JOIN patient ON patient.id = patient_id GROUP BY 1",
    ) == sorted(
        [(after.pseudonym(PatientId("P0")), 2, 3), (after.pseudonym(PatientId("P1")), 2, 2)]
    )


def test_a_program_that_lost_its_connections_goes_on_with_no_former_secret(
    resources, database, tmp_path
):
    (tmp_path / "inbox").mkdir()
    database.dispose()
    serving = replace(resources, opened=Opened())
    serving.open_database().dispose()  # as after a restart of the server
    renew(resources)

    async def begin_pass():
        async with under_way(str(tmp_path / "inbox"), serving):
            pytest.fail("it would key what it stores with the former secret")

    with pytest.raises(DatabaseError, match="secret"):
        asyncio.run(begin_pass())
    treatments = TreatmentImport(serving, Author("anna", "a test"), "ward")
    group = PatientGroup("p-1", "arm", "A")
    with pytest.raises(DatabaseError, match="secret"):
        treatments.store([Record(1, "p-1", event=None, groups=(group,))])


def test_the_former_secret_is_refused_from_then_on(resources, database):
    database.dispose()
    renewal = renew(resources)

    former = alone(resources)
    renewal.file.unlink()
    with pytest.raises(DatabaseError, match="db renew-secret"):
        former.open_database()


def test_a_secret_that_is_set_by_a_variable_is_to_be_set_anew(resources, database):
    database.dispose()
    renewal = renew(resources)

    assert not renewal.is_in_place
    with pytest.raises(Exception, match="SEVERITY_PSEUDONYM_KEY") as told:
        alone(resources).open_database()
    assert str(renewal.file) in str(told.value)
    known = renewal.file.read_text().strip()
    settings = resources.settings.model_copy(update={"pseudonym_key": SecretStr(known)})
    Resources(settings, Progress()).open_database().dispose()


def test_it_is_renewed_a_second_time_and_found_by_the_whole_chain(own_secret):
    archive = Archive(own_secret.open_database())
    first = patient_key(PatientId("P0"), secret=SECRET.encode())
    archive.add(Film("a", patient=first))
    for _ in range(2):
        renew(own_secret)

    (stored,) = rows(alone(own_secret), "SELECT patient_key FROM patient")
    assert stored == (alone(own_secret).pseudonym(PatientId("P0")),)
    assert stored[0] not in {first, renewed_patient_key(first, SECRET.encode())}


def test_nothing_is_renewed_while_others_use_the_database(own_secret, database_url):
    own_secret.open_database()
    before = own_secret.settings.pseudonym_file.read_text()
    other = Database(database_url)
    with other.connection(), pytest.raises(DatabaseError, match="1 other sessions"):
        renew_secret(own_secret)
    other.dispose()

    assert own_secret.settings.pseudonym_file.read_text() == before
    renew(own_secret)


def renewing(resources, database_url):
    """Start the command as a program."""
    settings = environment(
        DATABASE_URL=database_url,
        SEVERITY_PSEUDONYM_KEY=SECRET,
        SEVERITY_HOME=str(resources.settings.home),
    )
    return subprocess.Popen(
        [sys.executable, "-m", "flows", "db", "renew-secret"], env=settings, stdout=subprocess.PIPE
    )


def test_killed_in_the_middle_it_is_as_if_it_had_not_begun_and_goes_on_later(
    resources, database, database_url
):
    archive = Archive(database)
    archive.add(Film("a", patient=resources.pseudonym(PatientId("P0"))))
    database.dispose()
    before = keyed(resources)
    holder = Database(database_url.replace("?", "?application_name=holder&", 1))
    with holder.connection() as held, held.begin():
        held.execute(text("LOCK TABLE sighting IN SHARE MODE"))  # patients are done by then
        with renewing(resources, database_url) as program:
            await_waiting(held, program)
            program.send_signal(signal.SIGKILL)
    holder.dispose()

    assert keyed(resources) == before
    draft = resources.settings.renewed_pseudonym_file.read_text()
    renewal = renew(resources)
    assert renewal.file.read_text() == draft
    assert renewal.renewed.patients == 1


def await_waiting(connection, program):
    """Wait until the program waits for a lock."""
    deadline = time.monotonic() + 60
    query = text("SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'relation'")
    while not connection.scalar(query):
        assert time.monotonic() < deadline
        assert program.poll() is None
        time.sleep(0.05)


def test_killed_once_the_database_has_it_whoever_comes_next_finds_the_new_secret(own_secret):
    file, draft = own_secret.settings.pseudonym_file, own_secret.settings.renewed_pseudonym_file
    Archive(own_secret.open_database()).add(Film("a"))
    renew(own_secret)
    renewed = file.read_text()
    draft.write_text(renewed)  # as before the file took the place of the former one
    file.write_text(SECRET)

    alone(own_secret).read_database()

    assert file.read_text() == renewed
    assert not draft.exists()


@pytest.fixture
def from_before(own_secret, server_url, tmp_path):
    """A backup from before two renewals of the secret, and an empty database for it."""
    Archive(own_secret.open_database()).add(
        Film("a", patient=own_secret.pseudonym(PatientId("P0")))
    )
    write_backup(own_secret.open_database(), tmp_path / "old.dump")
    renew(own_secret)
    renew(alone(own_secret))
    with new_database(server_url) as url:
        settings = own_secret.settings.model_copy(update={"database_url": SecretStr(url)})
        restored = Resources(settings, Progress())
        yield read_backup(tmp_path / "old.dump"), restored
        restored.open_database().dispose()


def test_a_backup_from_before_is_restored_under_the_renewed_secret(from_before):
    backup, restored = from_before
    restored.restore_database(backup)

    key = restored.pseudonym(PatientId("P0"))
    assert rows(restored, "SELECT patient_key FROM patient") == [(key,)]


def test_a_restoration_that_is_killed_before_the_keys_are_renewed_is_gone_on_with(from_before):
    backup, restored = from_before
    database = Database(restored.settings.database_url.get_secret_value())
    restore_backup(database, backup)  # what a kill leaves of it
    database.dispose()

    key = restored.pseudonym(PatientId("P0"))
    assert rows(restored, "SELECT patient_key FROM patient") == [(key,)]


def test_a_full_disk_renews_nothing(own_secret):
    settings = own_secret.settings
    draft = settings.home / f".pseudonym.key.next.{os.getpid()}"
    draft.symlink_to("/dev/full")

    with pytest.raises(UsageError, match="nothing was renewed"):
        renew(own_secret)

    assert not settings.renewed_pseudonym_file.exists()
    assert settings.pseudonym_file.read_text() == SECRET
    assert renew(own_secret).is_in_place
