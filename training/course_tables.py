"""Tables on courses in Markdown: parameters, prediction, false alarms and power."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, replace

import numpy as np
from numpy.typing import NDArray

from severity.course.parameters import ScoreParameters
from severity.course.prediction import Held
from severity.course.series import Films, Numbers
from severity.course.simulation import (
    GAPS,
    MOST_FILMS,
    Plan,
    Shape,
    calls,
    observed,
    pair_calls,
    slope_calls,
)
from severity.course.verdicts import VERDICTS
from severity.domain import Verdict, View

_PATIENTS = 5000
_PAIR = 1.96 * 2**0.5  # standard errors: the smallest detectable change of a pair
_NUMBERS = (2, 3, 5, 7, MOST_FILMS)
_POINTS = (0, 1, 2, 3)
_ALL_VIEWS = (View.PA, View.AP, View.AP_SUPINE)
_ERRORS = {"as learned": (1.0, False), "20 % smaller": (0.8, False), "20 % larger": (1.2, False)}
_ERRORS |= {"heavy tails": (1.0, True)}


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a table in Markdown."""
    for line in (head, ["---"] * len(head), *rows):
        yield f"| {' | '.join(line)} |"


def parameter_rows(parameters: ScoreParameters) -> Iterator[str]:
    """Yield the learned numbers with their 95 % intervals, and the error of pairs beside."""
    rows = []
    for name, ends in parameters.intervals.items():
        kind, _, view = name.partition(" ")
        value = getattr(parameters, kind.removesuffix("_sd") if "shift" in kind else kind)
        value = value[View(view)] if view else value
        if "shift" in kind:
            value = value.sd if kind.endswith("_sd") else value.mean
        rows.append((name, f"{value:.2f}", f"{ends.low:.2f} to {ends.high:.2f}"))
    for view, error in parameters.repeats.items():
        name, ends = f"error of {error.degrees} pairs, {view}", error.interval
        rows.append((name, f"{error.points:.2f}", f"{ends.low:.2f} to {ends.high:.2f}"))
    for verdict, threshold in asdict(parameters.thresholds).items():
        rows.append((f"threshold of {verdict}", f"{threshold:.2f}", ""))
    return table(("number", "value", "95 % interval"), rows)


def coverage_rows(counts: Sequence[Held]) -> Iterator[str]:
    """Yield the share of next films in their predicted 90 % intervals."""
    rows = [
        (
            f"{held.before[0]}" if held.before[0] == held.before[1] else _range(held.before),
            str(held.films),
            f"{held.share:.2f}",
            f"{held.interval.low:.2f} to {held.interval.high:.2f}",
            f"± {held.half_width:.2f}",
        )
        for held in counts
        if held.films
    ]
    return table(("earlier films", "next films", "held", "95 % interval", "points"), rows)


def _range(numbers: tuple[int, int]) -> str:
    first, last = numbers
    return f"{first} and more" if last > MOST_FILMS else f"{first} to {last}"


def false_alarm_rows(parameters: ScoreParameters) -> Iterator[str]:
    """Yield the share of patients whose level never moves that each rule ever calls changed."""
    rows = []
    for gap in GAPS:
        for number in _NUMBERS if gap == GAPS[2] else (MOST_FILMS,):
            plan = Plan(_PATIENTS, number, gap)
            films = observed(plan.levels(parameters), plan, parameters)
            row = [f"{gap:g}", str(number), "as learned", "PA", _called(films, parameters)]
            rows.append([*row, *_old_rules(films, plan, parameters.error)])
        for name, (factor, heavy) in _ERRORS.items():
            plan = Plan(_PATIENTS, MOST_FILMS, gap, _ALL_VIEWS)
            error = parameters.error * factor
            films = observed(plan.levels(parameters), plan, parameters, error=error, heavy=heavy)
            row = [f"{gap:g}", str(MOST_FILMS), name, "changing", _called(films, parameters)]
            rows.append([*row, *_old_rules(films, plan, parameters.error)])
    head = ("days between", "films", "error", "views", "course", "pair, baseline")
    return table((*head, "pair, previous", "slope"), rows)


def _called(films: Films, parameters: ScoreParameters) -> str:
    return f"{calls(films, parameters).any(axis=0).mean():.3f}"


def _old_rules(films: Films, plan: Plan, error: float) -> list[str]:
    points = films.points.reshape(plan.patients, plan.films)
    days = np.arange(plan.films, dtype=np.float64) * plan.gap
    rules = (
        pair_calls(points, _PAIR * error),
        pair_calls(points, _PAIR * error, previous=True),
        slope_calls(points, days, error),
    )
    return [f"{called.mean():.3f}" for called in rules]


def power_rows(
    parameters: ScoreParameters, gap: float = 2.0, *, falling: bool = False
) -> Iterator[str]:
    """Yield the share of patients called worse at any film, by how far their level rises.

    Or called better, by how far it falls. The pair's rule is given the bound at which it raises as
    few false alarms as courses may.
    """
    bounds = {number: _fair_bound(parameters, number, gap) for number in _NUMBERS}
    sign = -1 if falling else 1
    rows = []
    for shape in Shape:
        for number, bound in bounds.items():
            plan = Plan(_PATIENTS, number, gap)
            levels = [plan.levels(parameters, points=sign * p, shape=shape) for p in _POINTS]
            shares = (_power(each, plan, parameters, bound=bound, sign=sign) for each in levels)
            rows.append([shape.value, str(number), *shares])
    head = ("fall", "-") if falling else ("rise", "+")
    return table((head[0], "films", *(f"{head[1]}{points} points" for points in _POINTS)), rows)


def _power(
    levels: Numbers, plan: Plan, parameters: ScoreParameters, *, bound: float, sign: int
) -> str:
    films = observed(levels, plan, parameters)
    called = calls(films, parameters)[VERDICTS.index(Verdict.BETTER if sign < 0 else Verdict.WORSE)]
    # The pair's rule is the same either way: a fall is a rise of what is turned over.
    pair = _rise_of(replace(films, points=sign * films.points), plan) > bound
    return f"{called.mean():.2f} ({pair.mean():.2f})"


def _fair_bound(parameters: ScoreParameters, number: int, gap: float) -> float:
    plan = Plan(_PATIENTS, number, gap, seed=1)
    films = observed(plan.levels(parameters), plan, parameters)
    # Half of the false alarms are rises.
    return float(np.quantile(_rise_of(films, plan), 0.975))


def _rise_of(films: Films, plan: Plan) -> NDArray[np.float64]:
    points = films.points.reshape(plan.patients, plan.films)
    rises: NDArray[np.float64] = (points[:, 1:] - points[:, :1]).max(axis=1)
    return rises
