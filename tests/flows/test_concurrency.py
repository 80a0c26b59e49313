import asyncio
from contextlib import aclosing

import pytest

from flows.concurrency import at_once, in_order


async def test_results_keep_the_order_of_the_items_though_they_end_in_another():
    async def late_if_small(number):
        await asyncio.sleep(0.01 * (5 - number))
        return number

    assert await at_once(3, late_if_small, range(5)) == [0, 1, 2, 3, 4]


async def test_an_item_is_drawn_only_when_its_turn_comes():
    drawn, most_ahead, finished = 0, 0, 0

    def endless_supply():
        nonlocal drawn
        for number in range(100):
            drawn += 1
            yield number

    async def ask(_):
        nonlocal finished, most_ahead
        await asyncio.sleep(0)
        most_ahead = max(most_ahead, drawn - finished)
        finished += 1

    await at_once(4, ask, endless_supply())

    assert (drawn, most_ahead) == (100, 4)


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


async def numbers(most):
    for number in range(most):
        yield number


async def test_results_come_in_order_and_no_more_are_drawn_than_may_be_in_flight():
    drawn, ahead = 0, []

    async def late_if_even(number):
        nonlocal drawn
        drawn += 1
        await asyncio.sleep(0.01 if number % 2 == 0 else 0)
        return number

    results = in_order(3, late_if_even, numbers(8))
    for expected in range(8):
        assert await anext(results) == expected
        ahead.append(drawn - expected)

    assert max(ahead) == 3


async def test_a_caller_that_stops_early_cancels_the_calls_in_flight():
    stopped = []

    async def slow_but_the_first(number):
        try:
            await asyncio.sleep(0 if number == 0 else 60)
        except asyncio.CancelledError:
            stopped.append(number)
            raise
        return number

    async with aclosing(in_order(3, slow_but_the_first, numbers(8))) as results:
        assert await anext(results) == 0

    assert stopped == [1, 2]


async def test_an_error_comes_after_the_results_before_it_and_stops_those_behind():
    drawn = []

    async def failing_at_two(number):
        drawn.append(number)
        if number == 2:
            raise LookupError
        await asyncio.sleep(0.01)
        return number

    async with aclosing(in_order(3, failing_at_two, numbers(100))) as results:
        first_two = [await anext(results), await anext(results)]
        with pytest.raises(LookupError):
            await anext(results)

    assert first_two == [0, 1]
    assert len(drawn) < 7
