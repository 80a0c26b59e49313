"""What would end each question to the PACS stops the start instead."""

import pytest

from flows.errors import UsageError
from flows.settings import read_settings


@pytest.mark.parametrize("token", ["tökén", "two words", "line\nline"])
def test_a_token_that_no_header_can_hold_is_refused_and_not_shown(token, monkeypatch):
    monkeypatch.setenv("SEVERITY_PACS_TOKEN", token)

    with pytest.raises(UsageError, match="SEVERITY_PACS_TOKEN") as refused:
        read_settings()
    assert token not in str(refused.value)
