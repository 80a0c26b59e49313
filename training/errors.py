"""How much a trained model errs: its intervals, and how much its scores move by themselves."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from flows.evaluation.folder import COHEN_OPACITY
from flows.evaluation.repeatability import MOST_PERTURBED, Repeatability
from flows.head_training.folder import repeatability_on_new_patients
from flows.labelled_images.features import extract_features
from flows.labelled_images.folder import read_labelled
from flows.resources import Progress, Resources
from flows.settings import Settings
from severity.domain import Scale, StandardError
from severity.evaluation.agreement import Numbers
from severity.evaluation.conformal import (
    CoveredOnHalves,
    coverage_on_halves,
    margins,
    out_of_fold,
    predicted_halves,
)
from severity.evaluation.regressions import Fit
from severity.models.scoring_model import ScoringModel
from severity.reliability.calibration import Margins

Report = Callable[[str], None]


@dataclass(frozen=True)
class Intervals:
    """The margins that a model ships, and what margins made like them hold on unseen patients."""

    margins: Margins
    coverage: Sequence[CoveredOnHalves]

    def report(self, score: str, report: Report) -> None:
        """Print the coverage, of all images and by range of predicted scores."""
        for one in self.coverage:
            report(
                f"{score} {one.low:g}-{one.high:g}: {one.images:.1f} images a half, coverage "
                f"{one.share.mean:.3f} ± {one.share.sd:.3f}, width {one.width.mean:.2f}"
            )


def intervals(
    fit: Fit, features: Numbers, points: Numbers, *, groups: Sequence[str], scale: Scale
) -> Intervals:
    """Fit margins to out-of-fold predictions, and measure such margins on the 50 halves.

    Parameters
    ----------
    features
        Shape (N, F).
    points
        The readers' mean, shape (N,).
    """
    halves = list(predicted_halves(fit, features, points, groups=groups, scale=scale))
    predicted = out_of_fold(fit, features, points, groups=groups, scale=scale)
    return Intervals(margins(predicted, scale), coverage_on_halves(halves, scale))


def repeatability_of(model: ScoringModel, data: Path, report: Report) -> Repeatability:
    """Measure how much a model's scores move although the patient does not.

    Repeats are of patients whom the head was not fitted on.
    """
    repeatability = asyncio.run(_repeatability_of(model, data / "cidc"))
    for row in (*repeatability.repeats, *repeatability.perturbations):
        extent, opacity = (_written(error) for error in row.errors)
        report(f"noise, {row.name} ({row.images} images): extent {extent}; opacity {opacity}")
    return repeatability


async def _repeatability_of(model: ScoringModel, folder: Path) -> Repeatability:
    resources = Resources(Settings(device="cpu"), Progress())
    labelled = read_labelled(folder, opacity=COHEN_OPACITY)
    seen = await extract_features(labelled.images, resources, model)
    return await repeatability_on_new_patients(
        folder, seen, resources, model, perturbed=MOST_PERTURBED
    )


def _written(error: StandardError | None) -> str:
    if error is None:
        return "unknown"
    low, high = error.interval.low, error.interval.high
    return f"{error.points:.2f} [{low:.2f}, {high:.2f}], {error.degrees} degrees of freedom"
