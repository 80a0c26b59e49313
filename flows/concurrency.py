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

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


async def at_once(
    limit: int, function: Callable[[_Item], Awaitable[_Result]], items: Iterable[_Item]
) -> list[_Result]:
    """Call a function for each item, ``limit`` at a time; return the results in the items' order.

    An item is drawn when its turn comes, so there may be more than fit into memory. The first
    error cancels the other calls, and is raised when they have ended: a failed run must not go
    on calling a source that stopped answering.
    """
    results: dict[int, _Result] = {}
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
    function: Callable[[_Item], Coroutine[Any, Any, _Result]],
    items: AsyncIterator[_Item],
) -> AsyncGenerator[_Result, None]:
    """Yield the results in the order of the items, with ``limit`` calls side by side.

    The next item is drawn when the caller asks for the next result, so no more than ``limit``
    items are ever drawn and not yet dealt with. Use it with `contextlib.aclosing`, which cancels
    the calls in flight when the caller stops early.
    """
    tasks: deque[asyncio.Task[_Result]] = deque()
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


def in_batches(items: Iterable[_Item], size: int) -> Iterator[list[_Item]]:
    """Yield lists of ``size`` items, drawn no earlier than the list is asked for."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
