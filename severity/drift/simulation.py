"""Simulated sites, from which the charts' limits were chosen: what is true of them is known."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from severity.domain import Measure, NightlySum, View
from severity.drift.charts import REFERENCE_NIGHTS, Chart
from severity.drift.naming import Cause, finding
from severity.drift.site import Stream, site_charts

FIRST_DAY = date(2026, 1, 5)  # a Monday
CHANGED_ON, NAMED_BY = 40, 43
"""Nights, counted from 1: when a simulated change begins, and when it should be named."""

_OF_THE_WEEK = np.array([1.1, 1.2, 1.1, 1.0, 1.1, 0.6, 0.5])  # films, Monday first
_OF_DEVICES = np.array([0.5, 0.25, 0.15, 0.1])  # films
_VIEWS = (View.PA, View.AP, View.AP_SUPINE)
_EXTENT_BY_VIEW = np.array([2.0, 3.2, 3.8])  # points
_DISTANCE_BY_VIEW = np.array([-0.25, -0.2, -0.15])  # logarithm
_SPREAD = {Measure.EXTENT: 1.6, Measure.DISTANCE: 0.153}  # of real films of one hospital
_WEEKEND = 0.3  # points that who is examined at weekends is sicker by
_CASE_MIX, _DEVICE_MIX, _DISTANCE_MIX = 0.4, 0.2, 0.015
_DISTANCE_PERSISTENCE = 0.5
_REPEATED = 0.2  # of films have one before them within a day
_RETEST = 1.1  # standard error of measurement, points


@dataclass(frozen=True)
class Change:
    """What happens to a site from a night on: to all its films, or to those of one ``device``.

    ``points`` and ``distance`` (its logarithm) are added to films; ``retest`` multiplies their
    errors of measurement.
    """

    night: int = CHANGED_ON
    points: float = 0.0
    distance: float = 0.0
    retest: float = 1.0
    device: int | None = None


@dataclass(frozen=True)
class Site:
    """A simulated site: films a night on average, devices, and how long its case mix lasts."""

    films: int
    devices: int = 1
    persistence: float = 0.7
    nights: int = CHANGED_ON

    def sums(
        self, generator: np.random.Generator, change: Change | None = None
    ) -> list[NightlySum]:
        """Return a site's films as the nightly sums of its devices, which are called 1, 2, ..."""
        mix = _mix(generator, self.nights, _CASE_MIX, self.persistence)
        far = _mix(generator, self.nights, _DISTANCE_MIX, _DISTANCE_PERSISTENCE)
        shares = _OF_DEVICES[: self.devices] / _OF_DEVICES[: self.devices].sum()
        sums: list[NightlySum] = []
        for device, share in enumerate(shares, start=1):
            own = mix + _mix(generator, self.nights, _DEVICE_MIX, self.persistence)
            films = _Films.drawn(generator, self.films * share, own, far)
            if change is not None and change.device in {None, device}:
                films.change(change)
            sums += films.sums(generator, device)
        return sums


def _mix(
    generator: np.random.Generator, nights: int, spread: float, persistence: float
) -> NDArray[np.float64]:
    """Draw what patients of successive nights have in common, an autoregression of order 1."""
    drawn = generator.normal(0, spread, nights)
    for night in range(1, nights):
        drawn[night] *= np.sqrt(1 - persistence**2)
        drawn[night] += persistence * drawn[night - 1]
    return drawn


@dataclass
class _Films:
    """N films of one device: night (from 0), view, extent, distance and error, shape (N,) each."""

    night: NDArray[np.int64]
    view: NDArray[np.int64]
    extent: NDArray[np.float64]
    distance: NDArray[np.float64]
    retest: NDArray[np.float64]
    nights: int

    @classmethod
    def drawn(
        cls,
        generator: np.random.Generator,
        films: float,
        mix: NDArray[np.float64],
        far: NDArray[np.float64],
    ) -> "_Films":
        of_week = np.arange(len(mix)) % 7
        night = np.repeat(np.arange(len(mix)), generator.poisson(films * _OF_THE_WEEK[of_week]))
        is_weekend = of_week[night] >= 5  # noqa: PLR2004 - Saturday
        drawn = generator.random(len(night))
        view = (drawn < np.where(is_weekend, 0.7, 0.4)).astype(int) + (drawn < 0.15)  # noqa: PLR2004
        extent = _EXTENT_BY_VIEW[view] + _WEEKEND * is_weekend + mix[night]
        return cls(
            night,
            view,
            extent + generator.normal(0, _SPREAD[Measure.EXTENT], len(night)),
            _DISTANCE_BY_VIEW[view]
            + far[night]
            + generator.normal(0, _SPREAD[Measure.DISTANCE], len(night)),
            np.full(len(night), _RETEST),
            len(mix),
        )

    def change(self, change: Change) -> None:
        changed = self.night >= change.night - 1
        self.extent += changed * change.points
        self.distance += changed * change.distance
        self.retest *= np.where(changed, change.retest, 1)

    def sums(self, generator: np.random.Generator, device: int) -> Iterator[NightlySum]:
        repeated = generator.random(len(self.night)) < _REPEATED
        difference = generator.normal(0, np.sqrt(2) * self.retest)
        values: dict[Measure, tuple[slice | NDArray[np.bool_], NDArray[np.float64]]] = {
            Measure.EXTENT: (slice(None), self.extent),
            Measure.OPACITY: (
                slice(None),
                0.6 * self.extent + generator.normal(0, 0.7, len(self.extent)),
            ),
            Measure.DISTANCE: (slice(None), self.distance),
            Measure.ERROR: (repeated, np.sqrt(np.abs(difference))),
        }
        for measure, (which, of_films) in values.items():
            yield from self._by_night(measure, device, which, of_films)

    def _by_night(
        self,
        measure: Measure,
        device: int,
        which: slice | NDArray[np.bool_],
        values: NDArray[np.float64],
    ) -> Iterator[NightlySum]:
        cell, chosen = (self.night * len(_VIEWS) + self.view)[which], values[which]
        size = self.nights * len(_VIEWS)
        films, totals, squares = (
            np.bincount(cell, weights=weights, minlength=size)
            for weights in (np.ones(len(cell)), chosen, chosen**2)
        )
        for place in np.flatnonzero(films):
            night, view = divmod(int(place), len(_VIEWS))
            yield NightlySum(
                measure,
                device,
                _VIEWS[view],
                FIRST_DAY + timedelta(days=night),
                int(films[place]),
                float(totals[place]),
                float(squares[place]),
            )


def first_alarm(charts: Mapping[Stream, Chart]) -> int | None:
    """Return the first night (from 1) on which any chart is out of control; None if none is."""
    first = (FIRST_DAY - date(1970, 1, 1)).days - 1
    nights = [
        int(chart.days[chart.is_out][0]) - first for chart in charts.values() if chart.is_out.any()
    ]
    return min(nights, default=None)


def run_length(site: Site, sites: int, *, seed: int) -> float:
    """Estimate how many nights a site in control has for each false alarm of any of its charts.

    Returns
    -------
    Nights that were judged until the first alarm, or until the simulation ends, over alarms; at
    least all nights if there was none.
    """
    generator = np.random.default_rng(seed)
    judged = alarms = 0
    for _ in range(sites):
        night = first_alarm(site_charts(site.sums(generator)))
        judged += (night or site.nights) - REFERENCE_NIGHTS
        alarms += night is not None
    return judged / max(alarms, 1)


def named(site: Site, change: Change, cause: Cause, *, sites: int, seed: int) -> float:
    """Return the share of sites in which a change is named, by its cause, on some night in time.

    In time is from its first night to `NAMED_BY`: as many nights later if it begins later.
    """
    generator = np.random.default_rng(seed)
    hits = 0
    for _ in range(sites):
        sums = site.sums(generator, change)
        hits += any(
            (cause_of := finding(site_charts(_until(sums, night)))) is not None
            and cause_of.cause is cause
            for night in range(change.night, change.night + NAMED_BY - CHANGED_ON + 1)
        )
    return hits / sites


def _until(sums: list[NightlySum], night: int) -> list[NightlySum]:
    last = FIRST_DAY + timedelta(days=night - 1)
    return [entry for entry in sums if entry.day <= last]
