"""Checking a bridge on patients that it was not learned from."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from severity.bridging.bridge import Bridge, Converted
from severity.bridging.fitting import PairedFilms
from severity.course.prediction import patient_folds, share_interval
from severity.course.series import Flags, Numbers
from severity.domain import Interval


@dataclass(frozen=True)
class Checked:
    """Converted scores of one score against the current version's own, in points.

    ``unconverted_error`` is the mean absolute difference if the former score were taken as it is.
    """

    films: int
    held: int
    bias: float
    error: float
    unconverted_error: float
    half_width: float

    @property
    def coverage(self) -> float:
        """The share of own scores that lie in the 90 % interval of the converted ones."""
        return self.held / self.films

    def coverage_interval(self) -> Interval:
        """Return the 95 % interval of the coverage, as if films were independent."""
        return share_interval(self.held, self.films)


def held_out(
    films: PairedFilms, learn: Callable[[PairedFilms], Bridge], *, folds: int = 10
) -> dict[str, Checked]:
    """Convert each patient's films by a bridge that was learned from other patients.

    Parameters
    ----------
    learn
        Such as `severity.bridging.fitting.fit`, with its errors.

    Returns
    -------
    By score; of eligible films within the range of their bridge alone.
    """
    used = films.of(films.eligible)
    fold = patient_folds(used.patients, folds)
    parts: dict[str, list[tuple[Converted, PairedFilms]]] = {"geographic_extent": [], "opacity": []}
    for number in range(folds):
        bridge, tested = learn(used.of(fold != number)), used.of(fold == number)
        parts["geographic_extent"].append(
            (bridge.geographic_extent.convert(tested.former_extent), tested)
        )
        parts["opacity"].append((bridge.opacity.convert(tested.former_opacity), tested))
    return {
        "geographic_extent": _checked(parts["geographic_extent"], "extent"),
        "opacity": _checked(parts["opacity"], "opacity"),
    }


def _checked(parts: list[tuple[Converted, PairedFilms]], score: str) -> Checked:
    def joined(columns: list[Numbers]) -> Numbers:
        return np.concatenate(columns)

    within: Flags = np.concatenate([converted.within for converted, _ in parts])
    former, current = (
        joined([getattr(films, f"{version}_{score}") for _, films in parts])[within]
        for version in ("former", "current")
    )
    points = joined([converted.points for converted, _ in parts])[within]
    low, high = (
        joined([converted.interval()[end] for converted, _ in parts])[within] for end in (0, 1)
    )
    return Checked(
        films=len(points),
        held=int(((low <= current) & (current <= high)).sum()),
        bias=float((points - current).mean()),
        error=float(np.abs(points - current).mean()),
        unconverted_error=float(np.abs(former - current).mean()),
        half_width=float((high - low).mean() / 2),
    )
