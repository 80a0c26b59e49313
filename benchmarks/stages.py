"""Where the time of one film goes."""

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

_MS = 1000


class Stopwatch:
    """Times stages, film by film.

    What disturbs a machine only ever adds time, so of several passes over a film the shortest
    counts, stage by stage.
    """

    def __init__(self) -> None:
        self._shortest: dict[str, dict[str, float]] = defaultdict(dict)

    @contextmanager
    def __call__(self, stage: str, film: str) -> Iterator[None]:
        """Time what happens inside."""
        began = time.perf_counter()
        yield
        seconds = time.perf_counter() - began
        films = self._shortest[stage]
        films[film] = min(seconds, films.get(film, seconds))

    def mean_ms(self) -> dict[str, float]:
        """Return milliseconds a film by stage, in the order in which stages first ran."""
        return {
            stage: _MS * sum(films.values()) / len(films) for stage, films in self._shortest.items()
        }
