"""The time of one image, stage by stage."""

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import mean

_MS = 1000


class Stopwatch:
    """A timer of stages, each run once per image: a second run would find its caches filled."""

    def __init__(self) -> None:
        self._seconds: dict[str, list[float]] = defaultdict(list)

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """Time the code inside the context."""
        began = time.perf_counter()
        yield
        self._seconds[stage].append(time.perf_counter() - began)

    def mean_ms(self) -> dict[str, float]:
        """Return milliseconds per image by stage, in the order in which stages first ran."""
        return {stage: _MS * mean(seconds) for stage, seconds in self._seconds.items()}
