import asyncio
from contextlib import aclosing

import pytest

from flows.concurrency import at_once, in_order


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


async def numbers(most):
    for number in range(most):
        yield number


async def test_answers_come_in_order_and_no_more_are_taken_than_may_be_in_flight():
    taken, ahead = 0, []

    async def late_if_even(number):
        nonlocal taken
        taken += 1
        await asyncio.sleep(0.01 if number % 2 == 0 else 0)
        return number

    answers = in_order(3, late_if_even, numbers(8))
    for expected in range(8):
        assert await anext(answers) == expected
        ahead.append(taken - expected)

    assert max(ahead) == 3


async def test_whoever_stops_listening_stops_what_is_in_flight():
    stopped = []

    async def slow_but_the_first(number):
        try:
            await asyncio.sleep(0 if number == 0 else 60)
        except asyncio.CancelledError:
            stopped.append(number)
            raise
        return number

    async with aclosing(in_order(3, slow_but_the_first, numbers(8))) as answers:
        assert await anext(answers) == 0

    assert stopped == [1, 2]


async def test_an_error_comes_after_the_answers_before_it_and_stops_those_behind():
    taken = []

    async def failing_at_two(number):
        taken.append(number)
        if number == 2:
            raise LookupError
        await asyncio.sleep(0.01)
        return number

    async with aclosing(in_order(3, failing_at_two, numbers(100))) as answers:
        answered = [await anext(answers), await anext(answers)]
        with pytest.raises(LookupError):
            await anext(answers)

    assert answered == [0, 1]
    assert len(taken) < 7
