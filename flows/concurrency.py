"""Several things at once, but not too many."""

import asyncio
from collections import deque
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Iterable,
    Iterator,
)
from itertools import islice
from typing import Any, TypeVar

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

    async def ask_on() -> None:
        for place, item in numbered:
            answers[place] = await ask(item)

    tasks = [asyncio.create_task(ask_on()) for _ in range(limit)]
    try:
        await asyncio.gather(*tasks)
    finally:
        await _ended(tasks)
    return [answers[place] for place in sorted(answers)]


async def in_order(
    limit: int,
    ask: Callable[[Item], Coroutine[Any, Any, Answer]],
    items: AsyncIterator[Item],
) -> AsyncGenerator[Answer, None]:
    """Yield the answers in the order of the items, while ``limit`` are worked on side by side.

    An item is taken when an answer has been dealt with, so no more than ``limit`` are ever
    taken and not yet dealt with. Use it with `contextlib.aclosing`: whoever stops listening
    ends the rest.
    """
    tasks: deque[asyncio.Task[Answer]] = deque()
    try:
        async for item in items:
            tasks.append(asyncio.create_task(ask(item)))
            if len(tasks) == limit:
                yield await tasks[0]
                tasks.popleft()
        while tasks:
            yield await tasks[0]
            tasks.popleft()
    finally:
        await _ended(tasks)


async def _ended(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Stop tasks, and wait until the last of them has stopped."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def in_batches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Take items ``size`` at a time, and no earlier than they are asked for."""
    waiting = iter(items)
    while batch := list(islice(waiting, size)):
        yield batch
