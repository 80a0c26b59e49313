"""Settings as a command's options and the environment make them."""

from pathlib import Path

import pytest

from flows.cli.options import chosen_settings
from tests.builders.settings import SECRET


def test_a_home_of_the_command_line_is_never_mixed_with_the_environments_database(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://host/real")
    monkeypatch.setenv("SEVERITY_PSEUDONYM_KEY", SECRET)

    assert chosen_settings().database_url is not None
    own = chosen_settings(home=tmp_path)
    assert (own.home, own.database_url, own.pseudonym_key) == (tmp_path, None, None)
