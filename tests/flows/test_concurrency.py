import asyncio

import pytest

from flows.concurrency import at_once


async def test_answers_keep_the_order_of_the_items_though_they_end_in_another():
    async def late_if_small(number):
        await asyncio.sleep(0.01 * (5 - number))
        return number

    assert await at_once(3, late_if_small, range(5)) == [0, 1, 2, 3, 4]


async def test_an_item_is_taken_only_when_its_turn_comes():
    taken, most_ahead, done = 0, 0, 0

    def endless_supply():
        nonlocal taken
        for number in range(100):
            taken += 1
            yield number

    async def ask(_):
        nonlocal done, most_ahead
        await asyncio.sleep(0)
        most_ahead = max(most_ahead, taken - done)
        done += 1

    await at_once(4, ask, endless_supply())

    assert (taken, most_ahead) == (100, 4)


async def test_the_first_error_ends_the_rest_and_is_raised_when_they_have_ended():
    begun, ended = [], []

    async def ask(number):
        begun.append(number)
        try:
            await asyncio.sleep(0)
            if number == 1:
                raise LookupError("one")
            await asyncio.sleep(60)
        finally:
            ended.append(number)

    with pytest.raises(LookupError, match="one"):
        await at_once(3, ask, range(10))

    assert sorted(ended) == begun == [0, 1, 2]
