"""A clock that is moved for all processes of a site at once, the database's server included.

`now()` of PostgreSQL, Prefect's server and the product all ask the C library for the time, so a
small library that is loaded before it (``moved_clock.c``) adds what a shared file says. libfaketime
does the same and more; its 0.9.10 breaks ``time.sleep`` of Python 3.11, and takes 17 microseconds a
look where this takes less than one.
"""

import os
import subprocess
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path

from benchmarks.jobs import BenchmarkError

_FILE, _LIBRARY = "clock", "moved_clock.so"
_BYTES = 8


class Clock:
    """The clock of all processes that start in its `environment`.

    Time passes at its usual speed; `forward` skips the time in which nothing happens.
    """

    def __init__(self, folder: Path) -> None:
        self._file, self._library = folder / _FILE, folder / _LIBRARY

    @classmethod
    def built(cls, folder: Path) -> "Clock":
        """Compile the library into a folder, and start the clock at the present.

        Raises
        ------
        BenchmarkError
            There is no C compiler, or it fails.
        """
        clock = cls(folder)
        clock._write(clock._seconds() if clock._file.exists() else 0)
        source = resources.files(__package__).joinpath("moved_clock.c").read_text()
        command = ["cc", "-shared", "-fPIC", "-O2", "-x", "c", "-", "-o", str(clock._library)]
        try:
            subprocess.run(command, input=source, text=True, check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise BenchmarkError(f"the clock needs a C compiler: {error}") from error
        return clock

    @property
    def environment(self) -> dict[str, str]:
        """The environment of processes that live by this clock."""
        return {"MOVED_CLOCK": str(self._file), "LD_PRELOAD": str(self._library)}

    def now(self) -> datetime:
        """Return the clock's time, in a process that does not live by it."""
        return datetime.now(UTC) + timedelta(seconds=self._seconds())

    def forward(self, seconds: int) -> None:
        """Let this time pass at once, for all."""
        self._write(self._seconds() + seconds)

    def move_to(self, at: datetime) -> None:
        """Go on to a time, in a process that does not live by the clock; never backwards."""
        self.forward(max(0, round((at - self.now()).total_seconds())))

    def _seconds(self) -> int:
        return int.from_bytes(self._file.read_bytes(), "little")

    def _write(self, seconds: int) -> None:
        # In place: others have the file mapped.
        descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT, mode=0o644)
        try:
            os.pwrite(descriptor, seconds.to_bytes(_BYTES, "little"), 0)
        finally:
            os.close(descriptor)
