"""Receivers on drop folders of their own."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from flows.arrivals.receipts import Receipts
from flows.arrivals.receiver import Receiver
from flows.arrivals.receiving import receiver
from flows.resources import Progress, Resources
from flows.settings import Settings
from tests.builders.settings import SECRET


@dataclass(frozen=True)
class Running:
    """A receiver that serves, its folder and its receipts."""

    receiver: Receiver
    port: int
    folder: Path

    @property
    def receipts(self) -> Receipts:
        return self.receiver.receipts

    @property
    def receipted(self) -> list[str]:
        """The keys of all receipts, in their order."""
        return [receipt.key for day in self.receipts.days() for receipt in self.receipts.read(day)]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Start a receiver with these settings."""
    with ExitStack() as stack:

        def start(**settings: object) -> Running:
            folder = tmp_path / "arrived"
            folder.mkdir(exist_ok=True)
            chosen = {"home": tmp_path / "home", "pseudonym_key": SECRET, "receiver_port": 0}
            chosen |= {"receiver_folder": folder, "receiver_free_megabytes": 1} | settings
            made = receiver(Resources(Settings(**chosen), Progress()))
            return Running(made, stack.enter_context(made.serving()), folder)

        yield start


@pytest.fixture
def running(start: Callable[..., Running]) -> Running:
    return start()
