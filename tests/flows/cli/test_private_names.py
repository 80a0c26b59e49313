"""Names of patients that an inbox holds are nowhere but in the database, whatever fails."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import obstore
import pytest
from sqlalchemy import make_url, text

from db.engine import Database
from tests.builders.commands import Program, environment
from tests.builders.encoded_images import dicom_file
from tests.builders.postgres import execute
from tests.builders.prefect_database import lay_out
from tests.builders.s3_server import running_s3
from tests.builders.settings import SECRET
from tests.builders.small_images import write_image, write_sidecar

FOLDER, FILE, PATIENT = "Mustermann_Erika", "Doe^Jane", "PID-4711-0815"
STATION = "MERCY-WARD-7"
NAMES = [name.encode() for name in (FOLDER, FILE, PATIENT, STATION)]
IMAGES = 20  # more than a batch
PATIENCE_SECONDS = 120

# The refusal quotes the whole row, as PostgreSQL does for a constraint.
REFUSING = """
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION '% is refused', NEW USING ERRCODE = '{state}'; END $$
"""


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    """Images in a folder and under a name that name a patient, and so does their sidecar."""
    folder = tmp_path / "inbox"
    rows = []
    for number in range(IMAGES):
        name = f"{FOLDER}/{FILE}-{number}.png"
        write_image(folder / name, seed=number)
        rows.append(
            {
                "filename": name,
                "patient_id": PATIENT,
                "acquired_at": f"2020-03-{1 + number:02}",
                "view": "PA",
            }
        )
    write_sidecar(folder, rows)
    (folder / FOLDER / f"{FILE}.dcm").write_bytes(b"no image")
    return folder


@pytest.fixture
def run(program: Program, inbox: Path) -> Callable[[], subprocess.CompletedProcess[str]]:
    def run() -> subprocess.CompletedProcess[str]:
        return program("run", "--inbox", str(inbox), SEVERITY_SETTLE_SECONDS="0")

    return run


@pytest.fixture
def server_log(database_url: str) -> Path:
    return Path(str(make_url(database_url).query["host"])) / "log"


@pytest.fixture
def leaks(
    tmp_path: Path, server_log: Path, inbox: Path, prefect_database: Path
) -> Callable[..., list[str]]:
    """Return where a planted name stands, of all that the program wrote outside the database."""
    lay_out(prefect_database, tmp_path / "home")
    before = server_log.stat().st_size

    def leaks(ended: subprocess.CompletedProcess[str]) -> list[str]:
        places = {
            str(file): file.read_bytes()
            for file in (tmp_path / "home").rglob("*")
            if file.is_file()
        }
        assert any(place.endswith("server.log") for place in places), "Prefect was not reached"
        places["standard output"] = ended.stdout.replace(str(inbox), "").encode()
        places["standard error"] = ended.stderr.encode()
        places["PostgreSQL's log"] = server_log.read_bytes()[before:]
        return [place for place, content in places.items() if any(n in content for n in NAMES)]

    return leaks


@contextmanager
def locked(database: Database, *tables: str) -> Iterator[None]:
    with database.transaction() as session:
        for table in tables:
            session.execute(text(f"LOCK TABLE {table}"))
        yield


def tables_with_keys(database: Database) -> list[str]:
    """Return the tables that hold keys of objects, which are file names."""
    query = """
        SELECT table_name FROM information_schema.columns JOIN information_schema.tables
        USING (table_schema, table_name)
        WHERE column_name = 'object_key' AND table_type = 'BASE TABLE' AND table_schema = 'public'
    """
    with database.transaction() as session:
        return list(session.scalars(text(query)))


def limit(database_url: str, name: str, value: str) -> None:
    execute(
        database_url, f"ALTER DATABASE {make_url(database_url).database} SET {name} = '{value}'"
    )


def test_a_run_that_succeeds(run, leaks, database):
    ended = run()

    assert ended.returncode == 0, ended.stderr
    assert f"{IMAGES} scored, 1 rejected" in ended.stdout
    assert leaks(ended) == []


@pytest.mark.long
def test_the_name_of_a_station_is_not_even_in_the_database(run, leaks, database, inbox):
    """It may be that of a hospital or a ward."""
    names = {"Manufacturer": "ACME", "ManufacturerModelName": "X-1000", "StationName": STATION}
    (inbox / "film.dcm").write_bytes(dicom_file(**names))
    ended = run()

    content = rows_as_text(database)
    assert ended.returncode == 0, ended.stderr
    assert leaks(ended) == []
    assert "ACME" in content
    assert STATION not in content


def rows_as_text(database: Database) -> str:
    """Return all rows of all tables."""
    tables = """
        SELECT table_name FROM information_schema.tables
        WHERE table_type = 'BASE TABLE' AND table_schema = 'public'
    """
    with database.transaction() as session:
        return "".join(
            str(session.execute(text(f'SELECT * FROM "{table}"')).all())  # noqa: S608 - our tables
            for table in session.scalars(text(tables)).all()
        )


@pytest.mark.long
def test_a_lock_while_scores_are_written(run, leaks, database, database_url):
    limit(database_url, "lock_timeout", "1s")
    with locked(database, "study"):  # first touched when a batch is closed
        ended = run()

    assert ended.returncode == 1
    assert "lock_timeout" in ended.stderr
    assert_one_line(ended.stderr)
    assert leaks(ended) == []


@pytest.mark.long
def test_a_refused_row_while_scores_are_written(run, leaks, database, database_url):
    execute(
        database_url,
        REFUSING.format(state="53100"),
        "CREATE TRIGGER refusing BEFORE INSERT ON score FOR EACH ROW EXECUTE FUNCTION refuse()",
    )

    ended = run()

    assert ended.returncode == 1
    assert "disk of PostgreSQL is full" in ended.stderr
    assert_one_line(ended.stderr)
    assert leaks(ended) == []


def test_a_lock_and_a_refused_row_while_objects_are_enlisted(run, leaks, database, database_url):
    """Their statements hold the files' names."""
    run()
    for table in tables_with_keys(database):
        execute(database_url, f"TRUNCATE {table} CASCADE")
    limit(database_url, "lock_timeout", "1s")
    with locked(database, *tables_with_keys(database)):
        locked_out = run()
    execute(
        database_url,
        REFUSING.format(state="23514"),
        *(
            f"CREATE TRIGGER refusing BEFORE INSERT ON {table} FOR EACH ROW "
            "EXECUTE FUNCTION refuse()"
            for table in tables_with_keys(database)
        ),
    )
    refused = run()

    for ended in (locked_out, refused):
        assert ended.returncode == 1
        assert_one_line(ended.stderr)
        assert leaks(ended) == []


@pytest.mark.long
def test_a_store_that_ends_while_objects_are_scored(leaks, database, database_url, inbox, tmp_path):
    """The errors of its client quote the address of the object."""
    with running_s3(tmp_path) as server:
        bucket = server.bucket("films")
        for file in inbox.rglob("*"):
            if file.is_file():
                obstore.put(bucket, str(file.relative_to(inbox)), file.read_bytes())
        running = subprocess.Popen(
            [sys.executable, "-m", "flows", "run", "--inbox", "s3://films"],
            env=environment(
                DATABASE_URL=database_url,
                SEVERITY_PSEUDONYM_KEY=SECRET,
                SEVERITY_HOME=str(tmp_path / "home"),
                SEVERITY_SETTLE_SECONDS="0",
                **server.environment(),
            ),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        # Prefect's server starts once all is enlisted, and takes longer than the store to end.
        await_file(tmp_path / "home/prefect/server.log", running)

    stdout, stderr = running.communicate(timeout=PATIENCE_SECONDS)

    assert running.returncode == 1
    assert "s3://films" in stderr
    assert_one_line(stderr)
    ended = subprocess.CompletedProcess([], running.returncode, stdout, stderr)
    assert leaks(ended) == []


def await_file(file: Path, program: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not file.exists():
        assert program.poll() is None, program.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)


def assert_one_line(stderr: str) -> None:
    """Beside the one that a machine without a GPU says first."""
    lines = [line for line in stderr.splitlines() if not line.startswith("No GPU here")]
    assert len(lines) == 1, stderr
