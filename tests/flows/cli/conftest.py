"""The command line, started as a program or run in this process on the test's database."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from db.engine import Database
from flows.cli.app import app
from flows.resources import Resources
from tests.builders.archive import Archive
from tests.builders.commands import Command, Program, environment
from tests.builders.settings import SECRET


@pytest.fixture
def program(database_url: str, tmp_path: Path) -> Program:
    """Run `cxr-severity` as a program; nothing but these settings reaches it."""

    def run(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        defaults = {
            "DATABASE_URL": database_url,
            "SEVERITY_PSEUDONYM_KEY": SECRET,
            "SEVERITY_HOME": str(tmp_path / "home"),
        }
        return subprocess.run(
            [sys.executable, "-m", "flows", *arguments],
            env=environment(**defaults | settings),
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )

    return run


@pytest.fixture
def ask(resources: Resources, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run a command in this process, on the test's database."""
    assert resources.settings.database_url is not None
    monkeypatch.setenv("DATABASE_URL", resources.settings.database_url.get_secret_value())
    monkeypatch.setenv("SEVERITY_PSEUDONYM_KEY", SECRET)

    def ask(*arguments: str) -> Result:
        return CliRunner().invoke(app, arguments, catch_exceptions=False)

    return ask


@pytest.fixture
def correct(ask: Callable[..., Result], command: Command) -> Command:
    """Run a command on the test's database, as its script does: with exit codes and stderr."""
    return command


@pytest.fixture
def archive(database: Database, tmp_path: Path) -> Archive:
    """Films in the test's database, of a folder that is there."""
    (tmp_path / "inbox").mkdir()
    return Archive(database, str(tmp_path / "inbox"))
