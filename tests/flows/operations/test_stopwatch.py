import time

import pytest

from flows.operations.stopwatch import Stopwatch


def test_times_of_a_stage_are_summed_and_taken_once():
    stopwatch = Stopwatch()
    for _ in range(2):
        with stopwatch.timed("network", 3):
            time.sleep(0.01)

    times = stopwatch.taken()
    assert times["network"].images == 6
    assert times["network"].seconds >= 0.02
    assert stopwatch.taken() == {}


def test_a_failure_took_its_time_too():
    stopwatch = Stopwatch()
    with pytest.raises(ValueError, match="broken"), stopwatch.timed("decode"):
        raise ValueError("broken")

    assert stopwatch.taken()["decode"].images == 1
