"""The structured log: a line of JSON for each batch and each run, for programs that collect logs.

Counts, times, and the names of sources and models; no file, no patient, no message of an error.
"""

import fcntl
import json
import os
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from time import monotonic

from flows.home import private_folder
from flows.settings import Settings

_OLDER_FILES = 4
_BYTES = 1_000_000


@dataclass(frozen=True)
class EventLog:
    """A file of lines that several processes append to; it begins anew once it is large.

    Four older files are kept, the youngest as ``events.jsonl.1``.
    """

    file: Path
    largest_bytes: int = 10 * _BYTES

    @classmethod
    def of(cls, settings: Settings) -> "EventLog | None":
        """Return the log that the settings ask for, if they do."""
        if not settings.event_log:
            return None
        return cls(settings.home / "log" / "events.jsonl", settings.event_log_megabytes * _BYTES)

    def write(self, event: str, content: Mapping[str, object]) -> None:
        """Append a line; one that a full disk does not take is lost, and nothing else."""
        about = {"at": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": event}
        line = json.dumps({**about, **content}) + "\n"
        with suppress(OSError):
            private_folder(self.file.parent)
            self._append(line.encode())

    def _append(self, line: bytes) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        lock = os.open(self.file.with_name(f".{self.file.name}.lock"), flags, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)  # until it is closed: no line between two files
            if self.file.exists() and self.file.stat().st_size + len(line) > self.largest_bytes:
                self._rotate()
            descriptor = os.open(self.file, flags, 0o600)
            try:
                length = os.fstat(descriptor).st_size
                if os.write(descriptor, line) < len(line):  # what was left of the disk
                    os.ftruncate(descriptor, length)
            finally:
                os.close(descriptor)
        finally:
            os.close(lock)

    def _rotate(self) -> None:
        files = [self.file, *(self._older(age) for age in range(1, _OLDER_FILES + 1))]
        for younger, older in reversed(list(pairwise(files))):
            if younger.exists():
                younger.replace(older)

    def _older(self, age: int) -> Path:
        return self.file.with_name(f"{self.file.name}.{age}")


@dataclass(eq=False)
class RunEvents:
    """Writes what a run does: a line for each batch, and one with the sums at its end."""

    log: EventLog | None
    run: Mapping[str, object] = field(default_factory=dict)
    _sums: Counter[str] = field(default_factory=Counter)
    _begun: float = field(default_factory=monotonic)

    def batch(self, counts: Mapping[str, int]) -> None:
        """Write the counts of a batch, and add them to those of the run."""
        self._sums.update(counts)
        self._write("batch", counts)

    def end(self, state: str, discovery: Mapping[str, object]) -> None:
        """Write how a run ended, what it saw, and the sums of its batches."""
        seconds = round(monotonic() - self._begun, 3)
        self._write("run", {"state": state, "seconds": seconds, **discovery, **self._sums})

    def _write(self, event: str, content: Mapping[str, object]) -> None:
        if self.log is not None:
            self.log.write(event, {**self.run, **content})
