"""What `up` assumes where nothing is set."""

from pathlib import Path

import pytest

from flows.cli.options import chosen_settings
from flows.cli.services.up import completed


def test_a_home_without_an_inbox_gets_one(tmp_path: Path) -> None:
    settings = completed(chosen_settings(home=tmp_path))

    assert settings.inbox == str(tmp_path / "inbox")
    assert (tmp_path / "inbox").is_dir()


def test_a_home_of_the_command_line_has_its_own_inbox(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Else the hospital's images would be scored into the database of a demonstration."""
    monkeypatch.setenv("SEVERITY_INBOX", "/data/inbox")

    assert completed(chosen_settings()).inbox == "/data/inbox"
    own = completed(chosen_settings(home=tmp_path))
    assert own.inbox == str(tmp_path / "inbox")


def test_new_images_are_looked_for_each_minute_unless_another_interval_is_set(
    tmp_path: Path,
) -> None:
    home = chosen_settings(home=tmp_path)
    other = chosen_settings(home=tmp_path, poll_seconds=5)

    assert completed(home).poll_seconds == 60
    assert completed(other).poll_seconds == 5
