"""The command `deploy`; what it registers is in tests/flows/deployments."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from db.engine import Database
from tests.builders.commands import Command, environment
from tests.builders.settings import SECRET


def test_without_a_server_it_says_which_setting_names_one(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)

    result = command("deploy")

    assert result.code == 2
    assert "PREFECT_API_URL" in result.err


@pytest.mark.parametrize("name", ["deploy", "serve"])
def test_a_server_that_does_not_answer_is_one_line(
    name: str, tmp_path: Path, database: Database, database_url: str
) -> None:
    (tmp_path / "inbox").mkdir()
    database.dispose()

    result = subprocess.run(
        [sys.executable, "-m", "flows", name],
        env=environment(
            DATABASE_URL=database_url,
            SEVERITY_PSEUDONYM_KEY=SECRET,
            SEVERITY_HOME=str(tmp_path / "home"),
            SEVERITY_INBOX=str(tmp_path / "inbox"),
            SEVERITY_DEVICE="cpu",
            PREFECT_API_URL="http://127.0.0.1:1/api",
        ),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert result.returncode == 1
    assert result.stderr.splitlines()[-1].startswith("cxr-severity: the Prefect server at")
    assert "unexpected" not in result.stderr


@pytest.mark.parametrize("line", ["0 0 30 2 *", "at noon"])
def test_a_schedule_that_never_comes_due_is_refused_before_anything_is_printed(
    command: Command, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    """Prefect's own command takes it, and its scheduler then schedules nothing at all."""
    monkeypatch.setenv("SEVERITY_SCHEDULES", json.dumps({"retention": line}))

    result = command("deploy", "--yaml")

    assert (result.code, result.out) == (2, "")
    assert "SEVERITY_SCHEDULES" in result.err


def test_it_prints_the_deployments_of_a_site_for_prefects_own_command(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEVERITY_CRON", "0 1 * * *")
    monkeypatch.setenv("SEVERITY_TIMEZONE", "Europe/Berlin")

    result = command("deploy", "--yaml", "--workers", "4")

    score = {entry["name"]: entry for entry in yaml.safe_load(result.out)["deployments"]}["score"]
    assert score["schedules"] == [{"cron": "0 1 * * *", "timezone": "Europe/Berlin"}]
    assert score["concurrency_limit"]["limit"] == 4
