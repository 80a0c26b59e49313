"""What a person is told of a Prefect server that cannot be used."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from flows.errors import ServerError
from flows.orchestration.reaching import check_server
from flows.orchestration.server import calling_flows


@contextmanager
def server(url: str, credentials: str) -> Iterator[None]:
    """Prefect's clients in this process use a server."""
    from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

    with temporary_settings({PREFECT_API_URL: url, PREFECT_API_AUTH_STRING: credentials}):
        yield


async def told(url: str, credentials: str) -> str:
    """What is said before the first flow is called."""
    with server(url, credentials), pytest.raises(ServerError) as refused:
        async with calling_flows():
            pass
    return str(refused.value)


async def test_a_wrong_login_is_told_as_such(prefect: None) -> None:
    refused = await told(os.environ["PREFECT_API_URL"], "severity:of before")

    assert "refuses this login (401)" in refused
    assert "PREFECT_API_AUTH_STRING" in refused
    assert "of before" not in refused


async def test_a_server_that_is_not_there_and_one_that_is_none_are_told_apart(
    prefect: None,
) -> None:
    url, credentials = os.environ["PREFECT_API_URL"], os.environ["PREFECT_API_AUTH_STRING"]

    assert "does not answer (ConnectError)" in await told("http://127.0.0.1:1/api", credentials)
    assert "ends in /api" in await told(url.removesuffix("/api"), credentials)


def test_the_server_of_whoever_has_its_password_can_be_used(prefect: None) -> None:
    check_server()
