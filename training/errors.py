"""The errors of a trained model: its prediction intervals and its repeatability."""

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
    """The margins that a model ships, and the coverage of such margins on unseen patients."""

    margins: Margins
    coverage: Sequence[CoveredOnHalves]

    def report(self, score: str, report: Report) -> None:
        """Print the coverage, of all images and by range of predicted scores."""
        for part in self.coverage:
            report(
                f"{score} {part.low:g}-{part.high:g}: {part.images:.1f} images a half, coverage "
                f"{part.share.mean:.3f} ± {part.share.sd:.3f}, width {part.width.mean:.2f}"
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
    """Measure the repeatability of a model's scores, on patients whom its fit did not see."""
    repeatability = asyncio.run(_repeatability_of(model, data / "cidc"))
    for row in (*repeatability.repeats, *repeatability.perturbations):
        extent, opacity = (_error_text(error) for error in row.errors)
        source = f"measurement error, {row.name} ({row.images} images)"
        report(f"{source}: extent {extent}; opacity {opacity}")
    return repeatability


async def _repeatability_of(model: ScoringModel, folder: Path) -> Repeatability:
    resources = Resources(Settings(device="cpu"), Progress())
    labelled = read_labelled(folder, opacity=COHEN_OPACITY)
    features = await extract_features(labelled.images, resources, model)
    return await repeatability_on_new_patients(
        folder, features, resources, model, perturbed=MOST_PERTURBED
    )


def _error_text(error: StandardError | None) -> str:
    if error is None:
        return "unknown"
    low, high = error.interval.low, error.interval.high
    return f"{error.points:.2f} [{low:.2f}, {high:.2f}], {error.degrees} degrees of freedom"
