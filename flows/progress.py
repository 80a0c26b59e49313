"""A progress bar for the person who waits."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as RichProgress

from flows.resources import Progress


class BarProgress(Progress):
    """Shows a run on a bar that first says what it waits for."""

    def __init__(self, bar: RichProgress) -> None:
        self._bar = bar
        self._task = bar.add_task("Starting and looking into the inbox", total=None)
        self._scored = self._rejected = 0

    def started(self, total: int) -> None:
        """Show how many images wait."""
        self._bar.update(self._task, total=total, description=self._counts())

    def advanced(self, *, scored: int, rejected: int) -> None:
        """Show one batch more."""
        self._scored += scored
        self._rejected += rejected
        self._bar.update(self._task, advance=scored + rejected, description=self._counts())

    def _counts(self) -> str:
        return f"{self._scored} scored, {self._rejected} rejected"


@contextmanager
def progress_bar(console: Console) -> Iterator[BarProgress]:
    """Show a bar while the run lasts."""
    bar = RichProgress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
    )
    with bar:
        yield BarProgress(bar)
