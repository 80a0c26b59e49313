"""A progress bar for the person who waits."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as RichProgress

from flows.resources import Progress, Resources


class BarProgress(Progress):
    """Shows a run on a bar, which first names what the run waits for."""

    def __init__(self, bar: RichProgress, beginning: str) -> None:
        self._bar = bar
        self._task = bar.add_task(beginning, total=None)
        self._scored = self._rejected = self._total = 0

    def loading(self) -> None:
        """Show that the model is being loaded."""
        self._bar.update(self._task, description="Loading the model")

    def waiting(self, images: int) -> None:
        """Show the number of images: those that are scored or rejected, and those that wait."""
        self._total = self._finished + images
        self._show()

    def advanced(self, *, scored: int, rejected: int) -> None:
        """Show one batch more."""
        self._scored += scored
        self._rejected += rejected
        # Claims of a dead run may be added to the images that were counted.
        self._total = max(self._total, self._finished)
        self._show()

    @property
    def tasks(self) -> list[Task]:
        """The tasks that the bar shows."""
        return self._bar.tasks

    @property
    def _finished(self) -> int:
        return self._scored + self._rejected

    def _show(self) -> None:
        counts = f"{self._scored} scored, {self._rejected} rejected"
        self._bar.update(
            self._task, completed=self._finished, total=self._total, description=counts
        )


@contextmanager
def progress_bar(console: Console, beginning: str = "Listing the inbox") -> Iterator[BarProgress]:
    """Show a bar while the run lasts."""
    bar = RichProgress(
        SpinnerColumn("dots" if console.encoding.startswith("utf") else "line"),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
    )
    with bar:
        yield BarProgress(bar, beginning)


@contextmanager
def watched(resources: Resources) -> Iterator[Resources]:
    """Show a bar to a person who waits until a model has run on labelled images."""
    if not sys.stderr.isatty():
        yield resources
        return
    with progress_bar(Console(stderr=True), "Loading the model") as progress:
        yield resources.reporting_to(progress)
