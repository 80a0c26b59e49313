"""Several reads at once, but not too many."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")


async def at_once(
    limit: int, ask: Callable[[Item], Awaitable[Answer]], items: Iterable[Item]
) -> list[Answer]:
    """Ask for each item, ``limit`` at a time; the answers keep the order of the items.

    The first error ends the rest: what stopped answering must not be asked on and on behind a
    run that failed.
    """
    slots = asyncio.Semaphore(limit)

    async def one(item: Item) -> Answer:
        async with slots:
            return await ask(item)

    tasks = [asyncio.create_task(one(item)) for item in items]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
