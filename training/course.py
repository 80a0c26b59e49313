"""Learn, check and write the parameter sets of courses that come with the bundled models."""

import argparse
import json
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

from severity.course.learning import learn, with_intervals
from severity.course.parameters import CourseParameters, Origin, ScoreParameters, Thresholds
from severity.course.prediction import (
    forecasts_of,
    held_by_number_before,
    held_out_forecasts,
    mean_log_density,
)
from severity.course.series import Films
from severity.course.simulation import thresholds_for
from severity.models.bundled_cards import BUNDLED, bundled_card
from training.compact_3 import bundle
from training.course_films import (
    PublicSeries,
    dated_films,
    kept_back_patients,
    scored_series,
    unseen_points,
)
from training.course_tables import coverage_rows, false_alarm_rows, parameter_rows, power_rows

MARGINS = {"geographic_extent": 1.3, "opacity": 1.3 * 6 / 8}
"""Points: Brixia +3 of 18 on the scale of extent, and the same share of the scale of opacity."""

EPISODE_DAYS = 90.0
_SIMULATED = 20_000  # patients behind each threshold
_ANY_THRESHOLDS = Thresholds(0.5, 0.5)  # until they are computed from what was learned


def report(*lines: str) -> None:
    """Print lines, without buffering."""
    print(*lines, sep="\n", flush=True)


def main() -> None:
    """Run the command."""
    options = _options()
    films, kept_back = dated_films(options.data), kept_back_patients(options.data)
    for model in options.models:
        report("", f"## {model} ({time.strftime('%H:%M:%S')})")
        points = (
            unseen_points(options.data, options.unseen, model) if model == bundle.NAME else None
        )
        series = scored_series(films, model, episode_days=EPISODE_DAYS, unseen=points)
        ours = series.of(kept_back, others=True)
        report(f"{len(films)} films; {len(series.patients) - len(ours.patients)} series kept back")
        parameters = learned_set(ours)
        write(parameters, options.out, model)
        report(f"{parameters.sha256}: {parameters.patients} patients, {parameters.films} films")
        report_checks(series, parameters, kept_back)


def write(parameters: CourseParameters, folder: Path, model: str) -> None:
    """Write a model's set into a folder, and its hash into the model's card there."""
    (folder / f"{model}.course.json").write_text(parameters.to_json(), encoding="utf-8")
    path = folder / f"{model}.json"
    card = bundled_card(model) | {"course_sha256": parameters.sha256}
    path.write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def learned_set(series: PublicSeries) -> CourseParameters:
    """Learn a set from public series, with its thresholds."""
    extent, opacity = (
        learned(films, MARGINS[score])
        for score, films in zip(MARGINS, (series.geographic_extent, series.opacity), strict=True)
    )
    return CourseParameters(
        extent,
        opacity,
        episode_days=EPISODE_DAYS,
        origin=Origin.SHIPPED,
        patients=len(set(series.patients)),
        films=int(series.geographic_extent.eligible.sum()),
    )


def learned(films: Films, margin: float) -> ScoreParameters:
    """Learn one score's parameters with intervals, and choose its thresholds."""
    estimates = learn(films, margin=margin, thresholds=_ANY_THRESHOLDS)
    return replace(
        with_intervals(films, estimates), thresholds=thresholds_for(estimates, patients=_SIMULATED)
    )


def report_checks(
    series: PublicSeries, parameters: CourseParameters, kept_back: frozenset[str]
) -> None:
    """Print what was learned, how well it predicts, and what the verdicts can and cannot see."""
    ours, kept = series.of(kept_back, others=True), series.of(kept_back)
    for score, margin in MARGINS.items():
        own: ScoreParameters = getattr(parameters, score)
        films, held_back = getattr(ours, score), getattr(kept, score)
        report("", f"### {score}", "", *parameter_rows(own))
        for reverting in (True, False):
            fit = partial(learn, margin=margin, thresholds=own.thresholds, reverting=reverting)
            forecasts = held_out_forecasts(films, ours.patients, fit)
            density = mean_log_density(films, forecasts)
            name = "reverting" if reverting else "random walk"
            report("", f"{name}, patients held out: mean log density {density:.3f}", "")
            report(*coverage_rows(held_by_number_before(films, forecasts)))
        checked = held_by_number_before(held_back, forecasts_of(held_back, own))
        report("", "patients kept back:", "", *coverage_rows(checked))
        report("", *false_alarm_rows(own), "", *power_rows(own))
        report("", *power_rows(own, falling=True))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path("severity/weights"))
    parser.add_argument(
        "--unseen",
        type=Path,
        default=Path("work/unseen.npz"),
        help="what training.compact_3.bundle wrote of the films behind compact-3",
    )
    parser.add_argument("--models", nargs="*", default=list(BUNDLED), choices=BUNDLED)
    return parser.parse_args()


if __name__ == "__main__":
    main()
