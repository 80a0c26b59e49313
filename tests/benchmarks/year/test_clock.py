"""The clock that is moved for many processes at once."""

import os
import shutil
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from benchmarks.year.clock import Clock

SHOW = """
import sys, time, datetime
for _ in sys.stdin:
    began = time.monotonic()
    time.sleep(0.01)
    print(datetime.datetime.now(datetime.UTC).isoformat(), time.monotonic() - began, flush=True)
"""


@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")
def test_a_process_that_runs_follows_each_move_and_sleeps_as_long_as_ever(tmp_path: Path):
    clock = Clock.built(tmp_path)
    shown = subprocess.Popen(
        [sys.executable, "-c", SHOW],
        env=os.environ | clock.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

    def look() -> tuple[datetime, float]:
        shown.stdin.write("\n")
        shown.stdin.flush()
        at, slept = shown.stdout.readline().split()
        return datetime.fromisoformat(at), float(slept)

    before, _ = look()
    clock.forward(86_400 * 300)
    after, slept = look()
    clock.move_to(after + timedelta(days=65))
    last, _ = look()
    shown.communicate()

    assert timedelta(days=300) <= after - before < timedelta(days=301)
    assert timedelta(days=65) <= last - after < timedelta(days=66)
    assert 0.01 <= slept < 3600
    assert Clock(tmp_path).now() >= last  # what stands outside sees the same time
