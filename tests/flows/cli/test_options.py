"""Settings as a command's options and the environment make them."""

import os
from pathlib import Path

import pytest

from flows.cli.options import chosen_settings
from flows.deployments.serving import export_settings
from flows.errors import UsageError
from flows.settings import read_settings
from tests.builders.settings import SECRET


def test_a_home_of_the_command_line_is_never_mixed_with_the_environments_database(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://host/real")
    monkeypatch.setenv("SEVERITY_PSEUDONYM_KEY", SECRET)

    assert chosen_settings().database_url is not None
    own = chosen_settings(home=tmp_path)
    assert (own.home, own.database_url, own.pseudonym_key) == (tmp_path, None, None)


def test_a_home_of_the_command_line_may_be_below_the_current_folder_or_a_users(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/users/jane")

    assert chosen_settings(home=Path("demo")).home == tmp_path / "demo"
    assert chosen_settings(home=Path("~/demo")).home == Path("/users/jane/demo")


def test_what_only_reads_needs_no_file_of_the_model_that_scores(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A dashboard, or the migration, on a machine or in a container of its own."""
    monkeypatch.setenv("SEVERITY_MODEL", "trained-elsewhere")

    assert chosen_settings().model == "trained-elsewhere"
    with pytest.raises(UsageError, match="SEVERITY_MODEL: no model 'trained-elsewhere'"):
        chosen_settings(model=None)


INSTALLATION = {
    "SEVERITY_SUCCESS_URL": "https://checks.example/ping/1",
    "SEVERITY_PACS": "PACS@pacs.example:104",
    "SEVERITY_PACS_FOLDER": "/srv/films",
    "SEVERITY_RECEIVER_FOLDER": "/srv/films",
    "SEVERITY_BACKUP_FOLDER": "/srv/backups",
    "SEVERITY_ALERT_WEBHOOK": "https://alerts.example/1",
    "SEVERITY_ALERT_MAIL_SERVER": "smtps://mail.example",
    "SEVERITY_ALERT_MAIL_FROM": "severity@example.org",
    "SEVERITY_ALERT_MAIL_TO": "someone@example.org",
    "SEVERITY_SOURCES": '{"ward": "/srv/ward"}',
}


def test_a_home_of_the_command_line_shares_nothing_with_the_installation_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The passes of a demonstration kept the installation's alarm silent, and used its PACS."""
    plain = chosen_settings()
    names = [variable.removeprefix("SEVERITY_").lower() for variable in INSTALLATION]
    for variable, value in INSTALLATION.items():
        monkeypatch.setenv(variable, value)
    own = chosen_settings(home=tmp_path)

    assert {name: getattr(own, name) for name in names} == {
        name: getattr(plain, name) for name in names
    }
    assert chosen_settings(home=tmp_path, inbox="/srv/demo").inbox == "/srv/demo"

    for name in list(os.environ):  # what is exported is undone after the test
        monkeypatch.setenv(name, os.environ[name])
    export_settings(own)
    assert read_settings() == own


def test_a_pass_over_a_part_of_the_sources_tells_the_dead_mans_switch_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for variable, value in INSTALLATION.items():
        monkeypatch.setenv(variable, value)
    for name in list(os.environ):  # what is exported is undone after the test
        monkeypatch.setenv(name, os.environ[name])

    export_settings(chosen_settings(inbox="/srv/elsewhere"))

    assert read_settings().success_url is None
