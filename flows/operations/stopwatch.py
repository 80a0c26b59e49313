"""The time that images spend in each stage of scoring, summed up while a run goes on."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Lock
from time import perf_counter

from db.stage_times import StageTime

_NOTHING = StageTime(0, 0.0)


class Stopwatch:
    """Sums of the seconds in each stage; several threads may be in one at once."""

    def __init__(self) -> None:
        self._times: dict[str, StageTime] = {}
        self._turn = Lock()

    @contextmanager
    def timed(self, stage: str, images: int = 1) -> Iterator[None]:
        """Add the time until the end of the block to a stage, also if it fails."""
        begun = perf_counter()
        try:
            yield
        finally:
            self._add(stage, StageTime(images, perf_counter() - begun))

    def _add(self, stage: str, time: StageTime) -> None:
        with self._turn:
            known = self._times.get(stage, _NOTHING)
            self._times[stage] = StageTime(known.images + time.images, known.seconds + time.seconds)

    def taken(self) -> Mapping[str, StageTime]:
        """Return the sums so far, and begin anew."""
        with self._turn:
            times, self._times = self._times, {}
        return times
