"""Whether Prefect's server can be used, where another machine or program has started it."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

import httpx

from flows.errors import ServerError

_WHOM_IT_DOES_NOT_KNOW = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
_AT = "the Prefect server at PREFECT_API_URL"


@contextmanager
def reaching_server() -> Iterator[None]:
    """Say in one line that the server which PREFECT_API_URL names does not do what it is asked.

    Raises
    ------
    ServerError
        It cannot be reached, the connection was lost, or it refuses.
    """
    try:
        yield
    except httpx.TransportError as error:
        raise ServerError(
            f"{_AT} does not answer ({type(error).__name__}): start it, or correct PREFECT_API_URL"
        ) from error
    except httpx.HTTPStatusError as error:
        raise ServerError(_refusal(error.response.status_code)) from error


def check_server() -> None:
    """Ask that server for what it tells only whom it knows.

    Raises
    ------
    ServerError
        It cannot be reached, refuses, or is no Prefect server.
    """
    from prefect import get_client  # noqa: PLC0415 - takes a second

    with reaching_server(), get_client(sync_client=True) as client:
        try:
            client.api_version()
        except ValueError as error:  # a page for people, as of another program
            raise ServerError(_not_prefects("with what is no version")) from error


def _refusal(status: int) -> str:
    if status in _WHOM_IT_DOES_NOT_KNOW:
        return (
            f"{_AT} refuses this login ({status}): set PREFECT_API_AUTH_STRING to the user and "
            "password that it asks for, as USER:PASSWORD"
        )
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return f"{_AT} fails ({status}): look at its log"
    return _not_prefects(str(status))


def _not_prefects(answer: str) -> str:
    return (
        f"what is at PREFECT_API_URL does not answer as Prefect's server does ({answer}): correct "
        "PREFECT_API_URL, which ends in /api, and look whether that server has this version"
    )
