"""Which URLs results may be sent to."""

import pytest

from flows.errors import UsageError
from flows.exports.destinations import checked_url


@pytest.mark.parametrize(
    "url",
    [
        "fhir.example",
        "ftp://fhir.example/base",
        "https://",
        "https://fhir.example:port/base",
        "https://me:secret@fhir.example/base",
        "https://fhir.example/base?token=secret",
    ],
)
def test_a_url_without_a_host_or_with_a_secret_is_refused(url: str) -> None:
    with pytest.raises(UsageError) as refusal:
        checked_url(url, has_token=False)
    assert "secret" not in str(refusal.value)


def test_a_token_crosses_no_network_unencrypted() -> None:
    with pytest.raises(UsageError, match="https"):
        checked_url("http://fhir.example/base", has_token=True)

    assert checked_url("https://fhir.example/base/", has_token=True) == "https://fhir.example/base"
    assert checked_url("http://127.0.0.1:8080/fhir", has_token=True).startswith("http:")
    assert checked_url("http://fhir.example/base", has_token=False).startswith("http:")
