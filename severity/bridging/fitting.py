"""Learning a bridge from films that both model versions scored, or refusing to."""

from dataclasses import dataclass

import numpy as np

from severity.bridging.bridge import Bridge, ScoreBridge
from severity.bridging.line import Line, deming
from severity.course.series import Flags, Indices, Numbers
from severity.errors import NoBridge

FEWEST_FILMS = 100
"""Films in distribution that both versions scored: as many as CLSI EP09 asks of a comparison of
two methods by their maker."""
FEWEST_PATIENTS = 40
"""Their patients: as many as EP09 asks of a laboratory, and the unit that is left out."""
FEWEST_REPEATED = 20
"""Films beyond the first of their patient: by these, what differs between patients is told from
what differs between films."""
MOST_OUT_OF_DISTRIBUTION = 0.2
"""The share of common films that may be out of distribution: of more, it would be the bridge of a
site whose films the models do not know."""
MOST_SLOPE_ERROR = 0.1
"""The largest standard error of the slope, as a share of the slope."""


@dataclass(frozen=True, eq=False)
class PairedFilms:
    """Films that two model versions scored, the former and the current; arrays of shape (N,).

    Points are before they are clipped. ``patients`` are any numbers that name them; ``eligible``
    films are in distribution for both versions.
    """

    former_extent: Numbers
    current_extent: Numbers
    former_opacity: Numbers
    current_opacity: Numbers
    patients: Indices
    eligible: Flags

    def __len__(self) -> int:
        """Return the number of films."""
        return len(self.patients)

    def of(self, rows: Flags) -> "PairedFilms":
        """Return some of the films."""
        return PairedFilms(*(column[rows] for column in vars(self).values()))


@dataclass(frozen=True)
class Errors:
    """The standard error of measurement of one score by either version, in points."""

    former: float
    current: float

    @property
    def ratio(self) -> float:
        """The variance of the current version's error divided by that of the former's."""
        return (self.current / self.former) ** 2


def fit(films: PairedFilms, extent: Errors, opacity: Errors) -> Bridge:
    """Learn a bridge, unless the films are too few or too strange, or the versions disagree.

    Raises
    ------
    NoBridge
        One of the limits of this module is not met; an error of measurement is not above 0; or
        films lie farther about the line than the current version's own measurement error, so that
        a converted film would say less than half as much as one of its own.
    """
    used = films.of(films.eligible)
    names, patients = np.unique(used.patients, return_inverse=True)
    _check_numbers(films, used, patients=len(names))
    return Bridge(
        _fit_score("extent", (used.former_extent, used.current_extent), patients, extent),
        _fit_score("opacity", (used.former_opacity, used.current_opacity), patients, opacity),
        patients=len(names),
        films=len(used),
        flagged=len(films) - len(used),
    )


def _check_numbers(films: PairedFilms, used: PairedFilms, *, patients: int) -> None:
    for number, fewest, what in (
        (len(used), FEWEST_FILMS, "films in distribution that both scored"),
        (patients, FEWEST_PATIENTS, "patients of such films"),
        (len(used) - patients, FEWEST_REPEATED, "such films beyond the first of a patient"),
    ):
        if number < fewest:
            raise NoBridge(f"{number} {what}; {fewest} are needed")
    flagged = (len(films) - len(used)) / len(films)
    if flagged > MOST_OUT_OF_DISTRIBUTION:
        raise NoBridge(
            f"{flagged:.0%} of the films that both scored are out of distribution; at most "
            f"{MOST_OUT_OF_DISTRIBUTION:.0%} may be"
        )


def _fit_score(
    name: str, points: tuple[Numbers, Numbers], patients: Indices, errors: Errors
) -> ScoreBridge:
    if not (errors.former > 0 and errors.current > 0):
        raise NoBridge(
            f"{name}: the measurement errors are {errors.former:g} and {errors.current:g} points; "
            "both must be above 0"
        )
    former, current = points
    try:
        line = deming(former, current, patients, ratio=errors.ratio)
    except ValueError as error:
        raise NoBridge(f"{name}: {error}") from error
    between, within = _components(current - line.at(former), patients)
    bridge = ScoreBridge(
        line,
        between,
        within,
        lowest=float(former.min()),
        highest=float(former.max()),
        ratio=errors.ratio,
        correlation=float(np.corrcoef(former, current)[0, 1]),
    )
    _check_agreement(name, bridge, errors)
    return bridge


def _check_agreement(name: str, bridge: ScoreBridge, errors: Errors) -> None:
    line: Line = bridge.line
    if bridge.correlation <= 0 or line.slope_error > MOST_SLOPE_ERROR * line.slope:
        raise NoBridge(
            f"{name}: the slope is {line.slope:.2f} with a standard error of {line.slope_error:.2f}"
            f"; at most a share of {MOST_SLOPE_ERROR:g} may be"
        )
    if bridge.spread > errors.current:
        raise NoBridge(
            f"{name}: films lie {bridge.spread:.2f} points about the line, more than the "
            f"measurement error of {errors.current:.2f}"
        )


def _components(residuals: Numbers, patients: Indices) -> tuple[float, float]:
    """Return the standard deviations between patients and between films of a patient.

    References
    ----------
    * Searle, Casella and McCulloch, Variance Components (1992), section 3.6: unbalanced data.
    """
    counts = np.bincount(patients)
    means = np.bincount(patients, residuals) / counts
    films, patients_number = len(residuals), len(counts)
    inside = float(((residuals - means[patients]) ** 2).sum()) / (films - patients_number)
    whole = float(residuals.mean())
    outside = float((counts * (means - whole) ** 2).sum()) / (patients_number - 1)
    typical = (films - float((counts**2).sum()) / films) / (patients_number - 1)
    return float(np.sqrt(max((outside - inside) / typical, 0.0))), float(np.sqrt(inside))
