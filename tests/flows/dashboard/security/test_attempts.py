"""Guessing takes longer with each guess."""

from contextlib import nullcontext

import pytest

from flows.dashboard.security.attempts import Attempts, TooManyAttempts


def failed(attempts, times, address="10.0.0.1"):
    for _ in range(times):
        attempts.fail(address, now=0.0)


def test_a_person_may_mistype_twice():
    attempts = Attempts()
    failed(attempts, 2)

    attempts.check("10.0.0.1", now=0.0)


@pytest.mark.parametrize(("times", "seconds"), [(3, 1), (4, 2), (8, 32), (12, 300), (99, 300)])
def test_each_further_guess_waits_twice_as_long_up_to_five_minutes(times, seconds):
    attempts = Attempts()
    failed(attempts, times)

    with pytest.raises(TooManyAttempts) as refused:
        attempts.check("10.0.0.1", now=0.0)
    assert refused.value.seconds == seconds
    attempts.check("10.0.0.1", now=float(seconds))
    attempts.check("10.0.0.2", now=0.0)


def test_a_right_password_is_a_new_beginning():
    attempts = Attempts()
    failed(attempts, 5)
    attempts.succeed("10.0.0.1")
    failed(attempts, 2)

    attempts.check("10.0.0.1", now=0.0)


def test_an_hour_after_the_last_guess_is_a_new_beginning():
    attempts = Attempts()
    failed(attempts, 12)
    for now, blocks in ((300 + 3599.0, True), (300 + 3599.0 + 300 + 3601.0, False)):
        attempts.fail("10.0.0.1", now=now)
        with pytest.raises(TooManyAttempts) if blocks else nullcontext():
            attempts.check("10.0.0.1", now=now)
