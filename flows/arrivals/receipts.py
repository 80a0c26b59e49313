"""Receipts: the record of each file that a sender was told is stored.

A file of lines for each day, beside the database and not in the drop folder: what is lost there
is known here. A line has the time and the file's key in the folder, which betrays no identifier.
"""

import os
import re
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from threading import Lock

from flows.arrivals.writer import sync_folder
from flows.errors import NotKept
from flows.home import private_folder

RECEIPTS = "receipts"
_ENDING = ".txt"
_DISMISSED = f"dismissed{_ENDING}"
_NEWLINE = b"\n"
_LINE = re.compile(rb"([0-9T:.+-]{20,40}) ([0-9a-f]{2}/[0-9a-f]+-[0-9a-f]+\.dcm)\n")


@dataclass(frozen=True)
class Receipt:
    """A sender was told at this time that the file of this key is stored."""

    at: datetime
    key: str


def _line(receipt: Receipt) -> bytes:
    return f"{receipt.at.isoformat()} {receipt.key}".encode() + _NEWLINE


class Receipts:
    """The receipts of one drop folder; one program at a time writes them, in any thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = Lock()

    @classmethod
    def of(cls, home: Path) -> "Receipts":
        """Return the receipts that a home folder keeps."""
        return cls(home / RECEIPTS)

    def record(self, key: str) -> None:
        """Write a receipt; once this returns, it is on disk.

        Raises
        ------
        NotKept
            It cannot be written: the sender must not be told that the file is stored.
        """
        receipt = Receipt(datetime.now(UTC), key)
        self._write(self._file(receipt.at.date()), _line(receipt))

    def days(self) -> list[date]:
        """List the days that have receipts, the first one first."""
        return sorted(
            date.fromisoformat(file.stem) for file in self._folder.glob(f"????-??-??{_ENDING}")
        )

    def read(self, day: date) -> Iterator[Receipt]:
        """Yield the receipts of a day in UTC.

        What a power cut left of a line is no receipt: nobody was told of that file.
        """
        with self._file(day).open("rb") as file:
            for line in file:
                if match := _LINE.fullmatch(line):
                    time, key = (part.decode() for part in match.groups())
                    yield Receipt(datetime.fromisoformat(time), key)

    def dismissed(self) -> frozenset[str]:
        """Return the keys of lost files that a person has seen to."""
        file = self._folder / _DISMISSED
        return frozenset(file.read_text("ascii").split() if file.exists() else ())

    def dismiss(self, keys: Iterable[str]) -> None:
        """Record that a person has seen to files that are lost; raises NotKept as `record` does."""
        for key in keys:
            self._write(self._folder / _DISMISSED, key.encode() + _NEWLINE)

    def forget(self, day: date, keys: Container[str]) -> None:
        """Delete the receipts of files that are accounted for elsewhere, of a day that is over."""
        kept = [receipt for receipt in self.read(day) if receipt.key not in keys]
        file = self._file(day)
        if not kept:
            file.unlink()
            return
        rewritten = file.with_suffix(".new")
        rewritten.unlink(missing_ok=True)  # of a program that was killed
        self._append(rewritten, b"".join(map(_line, kept)))
        rewritten.replace(file)
        sync_folder(self._folder)

    def _file(self, day: date) -> Path:
        return self._folder / f"{day.isoformat()}{_ENDING}"

    def _write(self, file: Path, line: bytes) -> None:
        try:
            with self._lock:
                self._append(file, line)
        except OSError as error:
            raise NotKept(f"the receipt cannot be written: {error.strerror}") from None

    def _append(self, file: Path, line: bytes) -> None:
        descriptor = self._opened(file)
        try:
            size = os.fstat(descriptor).st_size
            if size and os.pread(descriptor, 1, size - 1) != _NEWLINE:
                line = _NEWLINE + line  # a line before was cut short
            if os.write(descriptor, line) != len(line):
                raise OSError(0, "the disk is full")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _opened(self, file: Path) -> int:
        is_new = not file.exists()
        folder = private_folder(self._folder)
        descriptor = os.open(file, os.O_RDWR | os.O_APPEND | os.O_CREAT, mode=0o600)
        if is_new:
            for place in (folder, folder.parent):
                sync_folder(place)
        return descriptor
