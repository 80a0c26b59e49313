"""The drill of docs/how-to/back-up-and-restore.md, on the embedded database of a site."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from click.testing import Result
from sqlalchemy import make_url, text

from db import registration
from flows.operations.retention import BACKUP_NAME
from severity.domain import Reason
from severity.pseudonym import secret_fingerprint
from tests.builders.archive import Archive, Film
from tests.builders.commands import Command, environment
from tests.builders.postgres import drop_database, new_database
from tests.builders.settings import SECRET
from tests.builders.small_images import write_inbox

# Several commands in one process, which then starts the embedded server once.
PROGRAM = """
import json, sys
from click.testing import CliRunner
from flows.cli.app import app

results = [CliRunner().invoke(app, arguments) for arguments in json.loads(sys.argv[1])]
print(json.dumps([[one.exit_code, one.output, repr(one.exception)] for one in results]))
"""
LOOK = [["trend", "P0", "--json"], ["status", "--json"]]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that the server's own user can reach, with a name short enough for a socket."""
    with TemporaryDirectory(prefix="severity-drill-") as folder:
        yield Path(folder)


def run_with_home(home: Path, inbox: Path, *commands: list[str]) -> list[str]:
    """Run commands on the embedded database of a home folder; return what each prints."""
    settings = environment(
        DATABASE_URL="",  # what the other commands of the test were told
        SEVERITY_PSEUDONYM_KEY="",
        SEVERITY_HOME=str(home),
        SEVERITY_INBOX=str(inbox),
        SEVERITY_SETTLE_SECONDS="0",
    )
    program = [sys.executable, "-c", PROGRAM, json.dumps(commands)]
    ended = subprocess.run(program, env=settings, stdout=subprocess.PIPE, text=True, check=True)
    results = json.loads(ended.stdout.splitlines()[-1])
    assert [result for result in results if result[0] != 0] == []
    return [output for _, output, _ in results]


@pytest.fixture
def empty_url(server_url: str) -> Iterator[str]:
    with new_database(server_url) as url:
        yield url


def test_a_lost_database_is_restored_elsewhere_and_goes_on(
    score: Callable[[Path], object],
    ask: Callable[..., Result],
    server_url: str,
    database_url: str,
    folder: Path,
) -> None:
    """On another machine, whose home has nothing but the secret."""
    home, inbox, dump = folder / "home", folder / "inbox", str(folder / "severity.dump")
    write_inbox(inbox, images=6, patients=2)
    (inbox / "notes.txt").write_text("no image")
    score(inbox)
    before = [ask(*command).output for command in LOOK]
    assert ask("db", "backup", dump).exit_code == 0
    drop_database(server_url, str(make_url(database_url).database))

    home.mkdir()
    (home / "pseudonym.key").write_text(SECRET)
    restore, run, verify = ["db", "restore", dump], ["run"], ["status", "--verify"]
    _, *restored, again, trend, status, _ = run_with_home(
        home, inbox, restore, *LOOK, run, *LOOK, verify
    )

    assert restored == before
    assert "0 scored" in again
    assert trend == before[0]
    assert json.loads(status)["sources"] == json.loads(before[1])["sources"]
    assert [version["scored"] for version in versions(status)] == [6]


def versions(status: str) -> list[dict[str, int]]:
    return [version for source in json.loads(status)["sources"] for version in source["versions"]]


def test_a_backup_is_restored_under_its_own_secret_alone(
    correct: Command,
    archive: Archive,
    home: Path,
    tmp_path: Path,
    empty_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without it, every patient would start anew under another key."""
    dump = str(tmp_path / "severity.dump")
    archive.do(registration.check_pseudonyms, secret_fingerprint(SECRET.encode()), first_use=True)
    assert "SEVERITY_PSEUDONYM_KEY elsewhere" in correct("db", "backup", dump).out

    monkeypatch.setenv("DATABASE_URL", empty_url)
    monkeypatch.setenv("SEVERITY_PSEUDONYM_KEY", "that of another site, as long as it must be")
    other = correct("db", "restore", dump)
    monkeypatch.delenv("DATABASE_URL")
    monkeypatch.delenv("SEVERITY_PSEUDONYM_KEY")
    none = correct("db", "restore", dump)

    assert "not the one of this backup" in other.err
    assert "pseudonym.key is missing" in none.err
    assert [other.code, none.code] == [1, 2]
    assert not (home / "postgres").exists()
    assert not (home / "pseudonym.key").exists()


def test_a_backup_is_verified_by_restoring_it_and_leaves_nothing_behind(
    correct: Command, archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with TemporaryDirectory(prefix="severity-verify-") as folder:  # its path is short
        monkeypatch.setenv("SEVERITY_HOME", str(Path(folder) / "home"))
        monkeypatch.setenv("SEVERITY_BACKUP_FOLDER", str(tmp_path / "backups"))
        archive.add(Film("a"), Film("b"), Film("c", rejected=Reason.LATERAL))
        good = correct("db", "backup", "--verify")
        (backup,) = (tmp_path / "backups").iterdir()
        with archive.database.transaction() as session:
            session.execute(text("UPDATE tally SET n = n + 1 WHERE what = 'scored'"))
        bad = correct("db", "backup", "--verify", str(tmp_path / "bad.dump"))
        left = [path.name for path in (Path(folder) / "home").iterdir()]

    assert good.code == 0, good
    assert "2 images and 2 scores" in good.out
    assert BACKUP_NAME.fullmatch(backup.name)
    assert bad.code == 1
    assert "counters" in bad.err
    assert not [name for name in left if "server" in name]


def test_a_damaged_backup_is_no_backup(
    correct: Command, archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive.add(*(Film(str(number)) for number in range(20)))
    correct("db", "backup", str(tmp_path / "whole.dump"))
    whole = (tmp_path / "whole.dump").read_bytes()
    (tmp_path / "cut.dump").write_bytes(whole[: len(whole) // 2])
    with TemporaryDirectory(prefix="severity-verify-") as folder:
        monkeypatch.setenv("SEVERITY_HOME", folder)

        verified = correct("db", "verify-backup", str(tmp_path / "cut.dump"))

    assert verified.code == 1


def test_without_a_file_and_a_folder_of_backups_it_is_told_which(correct: Command) -> None:
    told = correct("db", "backup")

    assert (told.code, "SEVERITY_BACKUP_FOLDER" in told.err) == (2, True)
