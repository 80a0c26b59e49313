"""What ends a process that should not go on: its parent is gone, or its time is up."""

import asyncio
import multiprocessing
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from threading import Thread, Timer

from flows.errors import TimeLimitExceeded

_FAILURE = 1


def end_with_parent() -> None:
    """End this process when the one that started it ends, even if that is killed.

    For processes that `multiprocessing` started, as Prefect starts a run; others stay.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        parent.join()
        os._exit(_FAILURE)

    Thread(target=watch, name="parent", daemon=True).start()


@asynccontextmanager
async def time_limit(
    limit: timedelta, *, grace: timedelta, last_words: Callable[[str], None]
) -> AsyncIterator[None]:
    """Cancel what takes longer than the limit; end the process soon after, if it goes on.

    A thread that waits for a lock or a lost file server cannot be cancelled: the block would not
    end, or the process would wait for the thread when it does.

    Parameters
    ----------
    limit
        The time that the block may take.
    grace
        The time that the process may then take to end.
    last_words
        Called with a message, before the process is ended by force.

    Raises
    ------
    TimeLimitExceeded
        The block took longer, and was cancelled.
    """
    message = f"it took longer than {limit} and was ended"

    def end() -> None:
        last_words(message)
        os._exit(_FAILURE)

    watchdog = Timer((limit + grace).total_seconds(), end)
    watchdog.daemon = True
    watchdog.start()
    scope = asyncio.timeout(limit.total_seconds())
    try:
        async with scope:
            yield
    except TimeoutError:
        if scope.expired():
            raise TimeLimitExceeded(message) from None
        raise
    finally:
        if not scope.expired():
            watchdog.cancel()
