"""Run an async function over items with bounded concurrency."""

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
Result = TypeVar("Result")


async def at_once(
    limit: int, function: Callable[[Item], Awaitable[Result]], items: Iterable[Item]
) -> list[Result]:
    """Call a function for each item, ``limit`` at a time; return the results in the items' order.

    An item is drawn when its turn comes, so there may be more than fit into memory. The first
    error cancels the other calls, and is raised when they have ended: a failed run must not go
    on calling a source that stopped answering.
    """
    results: dict[int, Result] = {}
    numbered = enumerate(items)

    async def work() -> None:
        for index, item in numbered:
            results[index] = await function(item)

    tasks = [asyncio.create_task(work()) for _ in range(limit)]
    try:
        await asyncio.gather(*tasks)
    finally:
        await _cancel(tasks)
    return [results[index] for index in sorted(results)]


async def in_order(
    limit: int,
    function: Callable[[Item], Coroutine[Any, Any, Result]],
    items: AsyncIterator[Item],
) -> AsyncGenerator[Result, None]:
    """Yield the results in the order of the items, with ``limit`` calls side by side.

    The next item is drawn when the caller asks for the next result, so no more than ``limit``
    items are ever drawn and not yet dealt with. Use it with `contextlib.aclosing`, which cancels
    the calls in flight when the caller stops early.
    """
    tasks: deque[asyncio.Task[Result]] = deque()
    try:
        async for item in items:
            tasks.append(asyncio.create_task(function(item)))
            if len(tasks) == limit:
                yield await tasks[0]
                tasks.popleft()
        while tasks:
            yield await tasks[0]
            tasks.popleft()
    finally:
        await _cancel(tasks)


async def _cancel(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks, and wait until the last of them has ended."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def in_batches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Yield lists of ``size`` items, drawn no earlier than the list is asked for."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
