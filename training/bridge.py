"""Show the bridge from one bundled model to another on public films; the tables of its page.

``python -m training.bridge --data ../shared/data``
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from severity.bridging.bridge import Bridge, ScoreBridge
from severity.bridging.checking import Checked, held_out
from severity.bridging.fitting import FEWEST_FILMS, Errors, PairedFilms, fit
from severity.bridging.line import deming
from severity.course.band import half_width
from severity.course.parameters import CourseParameters, ScoreParameters
from severity.course.prediction import forecasts_of, patient_folds, share_interval
from severity.course.series import Conversions, Films, Flags, Indices, Numbers
from severity.course.simulation import Plan, calls, observed
from severity.domain import Interval
from severity.errors import NoBridge
from severity.models.bundled_cards import bundled_course_parameters
from training.course_films import PublicSeries, dated_films, kept_back_patients, scored_series
from training.course_tables import table

_SCORES = {"geographic_extent": "extent", "opacity": "opacity"}
_FOLDS = 10
_DRAWS = 50
_SIMULATED = 5000
_GAPS = (0.5, 2.0, 14.0)


@dataclass(frozen=True, eq=False)
class Material:
    """The films of both versions as series, and as pairs; rows are the same films."""

    former: PublicSeries
    current: PublicSeries
    pairs: PairedFilms
    errors: tuple[Errors, Errors]
    parameters: CourseParameters

    def learned(self, pairs: PairedFilms) -> Bridge:
        """Learn the bridge of some of the films."""
        return fit(pairs, *self.errors)


def main() -> None:
    """Run the command."""
    options = _options()
    material = scored(options.data, options.former, options.current)
    report(f"## {options.former} to {options.current}", "", *line_rows(material))
    report("", *held_out_rows(material, kept_back_patients(options.data)))
    report("", *seam_rows(material), "", *number_rows(material), "", *false_alarm_rows(material))


def report(*lines: str) -> None:
    """Print lines, without buffering."""
    print(*lines, sep="\n", flush=True)


def scored(data: Path, former: str, current: str) -> Material:
    """Score the public films by both models."""
    sets = [bundled_course_parameters(model) for model in (former, current)]
    films = dated_films(data)
    series = [
        scored_series(films, model, episode_days=sets[1].episode_days)
        for model in (former, current)
    ]
    extent, opacity = (
        Errors(*(getattr(parameters, score).error for parameters in sets)) for score in _SCORES
    )
    return Material(series[0], series[1], _pairs(*series), (extent, opacity), sets[1])


def _pairs(former: PublicSeries, current: PublicSeries) -> PairedFilms:
    of_patient = np.unique(current.patients, return_inverse=True)[1]
    return PairedFilms(
        former.geographic_extent.points,
        current.geographic_extent.points,
        former.opacity.points,
        current.opacity.points,
        of_patient[current.geographic_extent.series],
        former.geographic_extent.eligible & current.geographic_extent.eligible,
    )


def line_rows(material: Material) -> Iterator[str]:
    """Yield the line of each score, and how far it rests on the ratio of errors."""
    bridge = material.learned(material.pairs)
    yield f"{bridge.films} films of {bridge.patients} patients; {bridge.flagged} flagged left out."
    yield ""
    rows = []
    for score, name in _SCORES.items():
        learned: ScoreBridge = getattr(bridge, score)
        rows.append(
            (
                name,
                _with_interval(learned.line.intercept, learned.intercept_interval()),
                _with_interval(learned.line.slope, learned.slope_interval()),
                *(f"{slope:.2f}" for slope in _other_slopes(material, score, learned.ratio)),
                f"{learned.between:.2f}",
                f"{learned.within:.2f}",
                f"{learned.correlation:.3f}",
            )
        )
    head = ("score", "intercept", "slope", "slope, half the ratio", "twice the ratio")
    yield from table((*head, "between patients", "between films", "correlation"), rows)


def _other_slopes(material: Material, score: str, ratio: float) -> tuple[float, float]:
    used = material.pairs.of(material.pairs.eligible)
    patients = np.unique(used.patients, return_inverse=True)[1]
    x, y = (getattr(used, f"{version}_{_SCORES[score]}") for version in ("former", "current"))
    half, twice = (deming(x, y, patients, ratio=times * ratio).slope for times in (0.5, 2))
    return half, twice


def held_out_rows(material: Material, kept_back: frozenset[str]) -> Iterator[str]:
    """Yield converted scores against the current version's own, of patients held out."""
    rows = [
        (_SCORES[score], "10-fold", *_checked_cells(checked))
        for score, checked in held_out(material.pairs, material.learned, folds=_FOLDS).items()
    ]
    names = np.unique(material.current.patients)
    of_kept = np.isin(material.pairs.patients, np.flatnonzero(np.isin(names, list(kept_back))))
    _, never_fitted = _checked_on_others(material, ~of_kept)
    for score, checked in never_fitted.items():
        rows.append((_SCORES[score], "never fitted on", *_checked_cells(checked)))
    head = ("score", "patients", "films", "bias", "error", "as it is", "half width", "held")
    yield from table(head, rows)


def _checked_on_others(material: Material, used: Flags) -> tuple[Bridge, dict[str, Checked]]:
    """Learn the bridge of some films, and check it on all others: as one fold of two."""
    bridge = material.learned(material.pairs.of(used))
    return bridge, held_out(material.pairs.of(~used), lambda _: bridge, folds=1)


def _checked_cells(checked: Checked) -> tuple[str, ...]:
    return (
        str(checked.films),
        f"{checked.bias:+.2f}",
        f"{checked.error:.2f}",
        f"{checked.unconverted_error:.2f}",
        f"{checked.half_width:.2f}",
        _with_interval(checked.coverage, checked.coverage_interval()),
    )


def seam_rows(material: Material) -> Iterator[str]:
    """Yield how well the first own film after a seam is forecast, from converted ones before it.

    Each film but a series' first is once the first after the seam. Bridges are those of other
    patients; beside it, forecasts from own films, and from former scores taken as they are.
    """
    rows = []
    for score, name in _SCORES.items():
        parameters: ScoreParameters = getattr(material.parameters, score)
        for way, films in _ways(material, score).items():
            seams, last = _seams(films, getattr(material.current, score))
            rows.append((name, way, *_forecast_cells(seams, last, parameters)))
    yield from table(("score", "films before", "films", "error", "half width", "held"), rows)


def _ways(material: Material, score: str) -> dict[str, Films]:
    """Return the films before a seam: the version's own, converted, or the former as they are."""
    former: Films = getattr(material.former, score)
    current: Films = getattr(material.current, score)
    eligible = former.eligible & current.eligible
    return {
        "own": replace(current, eligible=eligible),
        "converted": _converted(material, score),
        "former as they are": replace(current, points=former.points, eligible=eligible),
    }


def _converted(material: Material, score: str) -> Films:
    """Convert all films of each patient by the bridge of others."""
    former: Films = getattr(material.former, score)
    fold = patient_folds(material.pairs.patients, _FOLDS)
    columns = np.zeros((4, len(former)))
    for number in range(_FOLDS):
        bridge = getattr(material.learned(material.pairs.of(fold != number)), score)
        converted = bridge.convert(former.points[fold == number])
        columns[:, fold == number] = (
            converted.points,
            converted.shared,
            converted.own,
            converted.within,
        )
    points, shared, own, within = columns
    return replace(
        former,
        points=points,
        eligible=material.pairs.eligible & (within > 0),
        conversions=Conversions(shared, own),
    )


def _seams(before: Films, own: Films) -> tuple[Films, Indices]:
    """Return a series for each film with films before it: those, then the film itself.

    Returns
    -------
    The series, and the row of each one's last film.
    """
    number = np.arange(len(own)) - own.starts[own.series]
    lasts = np.flatnonzero((number > 0) & own.eligible)
    rows = np.concatenate([np.arange(row - number[row], row + 1) for row in lasts])
    ends = np.cumsum(number[lasts] + 1) - 1
    is_last = np.isin(np.arange(len(rows)), ends)
    conversions = before.conversions
    films = Films(
        np.repeat(np.arange(len(lasts)), number[lasts] + 1),
        own.days[rows],
        np.where(is_last, own.points[rows], before.points[rows]),
        own.views[rows],
        np.where(is_last, own.eligible[rows], before.eligible[rows]),
        conversions
        and Conversions(
            np.where(is_last, 0, conversions.shared[rows]),
            np.where(is_last, 0, conversions.own[rows]),
        ),
    )
    return films, ends


def _forecast_cells(films: Films, last: Indices, parameters: ScoreParameters) -> tuple[str, ...]:
    has_any = films.first_eligible[films.series[last]] < last
    last = last[has_any]
    forecasts = forecasts_of(films, parameters)
    half = half_width(np.sqrt(forecasts.variance[last]))
    away = np.abs(films.points[last] - forecasts.mean[last])
    held = away <= half
    return (
        str(len(last)),
        f"{away.mean():.2f}",
        f"{half.mean():.2f}",
        _with_interval(float(held.mean()), share_interval(int(held.sum()), len(last))),
    )


def number_rows(material: Material) -> Iterator[str]:
    """Yield how bridges of fewer patients do on the others, and how many are refused."""
    patients = np.unique(material.pairs.patients)
    rows = []
    for number in (30, 40, 50, 60, 80, 120, 160):
        rng = np.random.default_rng(number)
        draws = [rng.choice(patients, number, replace=False) for _ in range(_DRAWS)]
        learned = [_of_draw(material, np.isin(material.pairs.patients, draw)) for draw in draws]
        known = [pair for pair in learned if pair]
        rows.append((str(number), f"{_DRAWS - len(known)} of {_DRAWS}", *_number_cells(known)))
    yield f"Learned from so many patients, drawn {_DRAWS} times; checked on all others."
    yield ""
    shares = tuple(f"{name}: {what}" for name in _SCORES.values() for what in ("slopes", "held"))
    yield from table(("patients", f"refused (fewer than {FEWEST_FILMS} films ...)", *shares), rows)


def _of_draw(material: Material, drawn: Flags) -> tuple[Bridge, dict[str, Checked]] | None:
    try:
        return _checked_on_others(material, drawn)
    except NoBridge:
        return None


def _number_cells(known: Sequence[tuple[Bridge, dict[str, Checked]]]) -> Iterator[str]:
    for score in _SCORES:
        slopes = [getattr(bridge, score).line.slope for bridge, _ in known]
        held = [checked[score].coverage for _, checked in known]
        yield f"{min(slopes):.2f} to {max(slopes):.2f}" if known else "-"
        yield f"{np.mean(held):.2f} ({min(held):.2f} to {max(held):.2f})" if known else "-"


def false_alarm_rows(material: Material) -> Iterator[str]:
    """Yield the share of simulated patients called changed whose level never moves.

    Ten films, the first five by the former version.
    """
    bridge = material.learned(material.pairs)
    rows = []
    for score, name in _SCORES.items():
        parameters: ScoreParameters = getattr(material.parameters, score)
        for gap in _GAPS:
            plan = Plan(_SIMULATED, 10, gap)
            own = observed(plan.levels(parameters), plan, parameters)
            joined = _joined(own, getattr(bridge, score))
            ways = (own, joined, _as_they_are(joined, getattr(bridge, score)))
            shares = map(partial(_called, parameters=parameters), ways)
            rows.append((name, f"{gap:g}", *(f"{share:.3f}" for share in shares)))
    head = ("score", "days between", "all own", "bridged", "former as they are")
    yield from table(head, rows)


def _joined(own: Films, bridge: ScoreBridge) -> Films:
    """Return the films with converted ones in place of the first five of each patient."""
    rng = np.random.default_rng(5)
    of_former = np.arange(len(own)) - own.starts[own.series] < 5  # noqa: PLR2004 - of ten films
    error = bridge.line.error(_former(own.points, bridge))
    shared = np.hypot(error, bridge.between)
    moved = rng.normal(0, 1, len(own.starts))[own.series] * shared
    moved += rng.normal(0, bridge.within, len(own))
    return replace(
        own,
        points=np.where(of_former, own.points + moved, own.points),
        conversions=Conversions(
            np.where(of_former, shared, 0), np.where(of_former, bridge.within, 0)
        ),
    )


def _as_they_are(joined: Films, bridge: ScoreBridge) -> Films:
    """Return the films with former scores taken for the current version's own."""
    own = joined.conversions.own if joined.conversions else np.zeros(len(joined))
    points = np.where(own > 0, _former(joined.points, bridge), joined.points)
    return replace(joined, points=points, conversions=None)


def _former(points: Numbers, bridge: ScoreBridge) -> Numbers:
    former: Numbers = (points - bridge.line.intercept) / bridge.line.slope
    return former


def _called(films: Films, parameters: ScoreParameters) -> float:
    return float(calls(films, parameters).any(axis=0).mean())


def _with_interval(value: float, interval: Interval) -> str:
    return f"{value:.2f} [{interval.low:.2f}, {interval.high:.2f}]"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--former", default="compact-1")
    parser.add_argument("--current", default="compact-2")
    return parser.parse_args()


if __name__ == "__main__":
    main()
