"""Whose film is made into a picture next: one at a time, since a film may take a gigabyte."""

from asyncio import Lock
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

MOST_WAITING = 24
"""Requests, such as those of four browsers, which ask for six pictures at once."""
RETRY_SECONDS = 5


class TooManyWait(Exception):
    """So many requests wait for a picture that another one is to come back later."""


class Turns:
    """Lets requests make pictures one after another, in the order in which they came.

    Who waits holds no thread and no connection to the database, of which other pages have need.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._waiting = 0

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for this request's turn, which lasts as long as the block.

        Raises
        ------
        TooManyWait
            `MOST_WAITING` others do.
        """
        if self._waiting >= MOST_WAITING:
            raise TooManyWait
        self._waiting += 1
        try:
            await self._lock.acquire()
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._lock.release()
