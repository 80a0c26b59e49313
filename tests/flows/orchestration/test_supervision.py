"""Processes that end when their parent is gone or their time is up."""

import asyncio
import subprocess
import sys
from datetime import timedelta

import pytest

from flows.errors import TimeLimitExceeded
from flows.orchestration.supervision import time_limit
from tests.builders.services import until

MOMENT = timedelta(milliseconds=50)
LONG = timedelta(hours=1)


async def test_what_ends_in_time_is_not_disturbed() -> None:
    async with time_limit(LONG, grace=LONG, last_words=pytest.fail):
        await asyncio.sleep(0)


async def test_what_waits_too_long_is_cancelled() -> None:
    with pytest.raises(TimeLimitExceeded, match="longer than"):
        async with time_limit(MOMENT, grace=LONG, last_words=pytest.fail):
            await asyncio.sleep(3600)


async def test_a_time_out_of_something_else_stays_what_it_is() -> None:
    with pytest.raises(TimeoutError, match="of a store"):
        async with time_limit(LONG, grace=LONG, last_words=pytest.fail):
            raise TimeoutError("of a store")


def test_what_cannot_be_cancelled_ends_the_process_with_a_message() -> None:
    code = """
import asyncio, time
from datetime import timedelta
from flows.orchestration.supervision import time_limit

def last_words(message):
    print(message, flush=True)

async def hang():
    moment = timedelta(milliseconds=50)
    async with time_limit(moment, grace=moment, last_words=last_words):
        await asyncio.to_thread(time.sleep, 3600)

asyncio.run(hang())
"""
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )

    assert ended.returncode == 1
    assert "longer than" in ended.stdout
    assert ended.stderr == ""


def test_a_child_ends_when_its_parent_is_killed(tmp_path) -> None:
    module = tmp_path / "parent.py"
    module.write_text(
        "import multiprocessing, os, time\n"
        "from flows.orchestration.supervision import end_with_parent\n"
        "def child():\n"
        "    end_with_parent()\n"
        "    print(os.getpid(), flush=True)\n"
        "    time.sleep(3600)\n"
        "if __name__ == '__main__':\n"
        "    multiprocessing.get_context('spawn').Process(target=child).start()\n"
        "    time.sleep(3600)\n"
    )
    with subprocess.Popen(
        [sys.executable, str(module)], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        child = parent.stdout.readline().strip()
        assert (tmp_path / "/proc" / child).exists()
        parent.kill()
        until(lambda: parent.stdout.read() == "")  # the child had the other end of the pipe
