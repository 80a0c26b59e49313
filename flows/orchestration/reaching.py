"""Whether Prefect's server can be reached, where another machine or program has started it."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from flows.errors import ServerError


@contextmanager
def reaching_server() -> Iterator[None]:
    """Say in one line that the server which PREFECT_API_URL names does not answer.

    Raises
    ------
    ServerError
        It cannot be reached, or the connection was lost.
    """
    try:
        yield
    except httpx.TransportError as error:
        raise ServerError(
            f"the Prefect server at PREFECT_API_URL does not answer ({type(error).__name__}): "
            "start it, or correct PREFECT_API_URL"
        ) from error
