"""Several things at once, but not too many."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")


async def at_once(
    limit: int, ask: Callable[[Item], Awaitable[Answer]], items: Iterable[Item]
) -> list[Answer]:
    """Ask for each item, ``limit`` at a time; the answers keep the order of the items.

    An item is taken when its turn comes, so there may be more than fit into memory. The first
    error ends the rest, and is raised when they have ended: what stopped answering must not be
    asked on and on behind a run that failed.
    """
    answers: dict[int, Answer] = {}
    numbered = enumerate(items)

    async def lane() -> None:
        for place, item in numbered:
            answers[place] = await ask(item)

    tasks = [asyncio.create_task(lane()) for _ in range(limit)]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return [answers[place] for place in sorted(answers)]


def in_batches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Take items ``size`` at a time, and no earlier than they are asked for."""
    waiting = iter(items)
    while batch := list(islice(waiting, size)):
        yield batch
