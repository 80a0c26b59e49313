"""A token that would end each request stops the start instead."""

import pytest

from flows.errors import UsageError
from flows.settings import read_settings


@pytest.mark.parametrize("name", ["SEVERITY_PACS_TOKEN", "SEVERITY_FHIR_TOKEN"])
@pytest.mark.parametrize("token", ["tökén", "two words", "line\nline"])
def test_a_token_that_no_header_can_hold_is_refused_and_not_shown(name, token, monkeypatch):
    monkeypatch.setenv(name, token)

    with pytest.raises(UsageError, match=name) as refused:
        read_settings()
    assert token not in str(refused.value)
