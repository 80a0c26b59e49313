"""Calls into a file system whose server may be lost, as that of NFS.

Such a call never returns, and no signal ends it: it is made by a thread that nobody waits for, not
even the end of the program.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import Any, TypeVar

from flows.errors import InboxError

PATIENCE_SECONDS = 300.0
"""For a portion of a listing, or a file. A folder of a million files takes a minute to list."""
OPENING_SECONDS = 30.0
"""For the look at a folder with which its use begins."""

_Result = TypeVar("_Result")
_unanswered: "dict[object, Future[Any]]" = {}
"""Looks that have not returned: another would cost as long again."""


def no_answer(location: object) -> str:
    """Say that a place does not answer, and what to look at."""
    return f"{location} does not answer: look whether it is a mount whose server is lost"


def within(place: object, call: Callable[[], _Result]) -> _Result:
    """Look at a place by a function that may never return.

    Raises
    ------
    TimeoutError
        It did not return within `OPENING_SECONDS`, or an earlier look at the place has not yet.
    """
    if (earlier := _unanswered.get(place)) and not earlier.done():
        raise TimeoutError
    future = _called(call)
    try:
        return future.result(timeout=OPENING_SECONDS)
    except TimeoutError:
        _unanswered[place] = future
        raise


async def answered(
    place: object, call: Callable[[], _Result], *, seconds: float = PATIENCE_SECONDS
) -> _Result:
    """Await what a source's folder answers, by a function that may never return.

    Raises
    ------
    InboxError
        It did not return in this time; it may still do so, later.
    """
    try:
        return await asyncio.wait_for(asyncio.wrap_future(_called(call)), seconds)
    except TimeoutError:
        raise InboxError(no_answer(place)) from None


def _called(call: Callable[[], _Result]) -> "Future[_Result]":
    future: Future[_Result] = Future()

    def work() -> None:
        if not future.set_running_or_notify_cancel():
            return
        try:
            result = call()
        except BaseException as error:  # noqa: BLE001 - raised where it is awaited
            future.set_exception(error)
        else:
            future.set_result(result)

    # The threads of a pool would be waited for at the end of the program.
    Thread(target=work, name="file system", daemon=True).start()
    return future
