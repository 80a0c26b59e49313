"""Where the time of one image goes."""

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import mean

_MS = 1000


class Stopwatch:
    """Times stages, each once for each image: a second pass would find its caches filled."""

    def __init__(self) -> None:
        self._seconds: dict[str, list[float]] = defaultdict(list)

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """Time what happens inside."""
        began = time.perf_counter()
        yield
        self._seconds[stage].append(time.perf_counter() - began)

    def mean_ms(self) -> dict[str, float]:
        """Return milliseconds an image by stage, in the order in which stages first ran."""
        return {stage: _MS * mean(seconds) for stage, seconds in self._seconds.items()}
