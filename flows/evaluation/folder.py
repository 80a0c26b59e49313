"""The whole evaluation: read a labelled folder, score its images, compare, write a report."""

import asyncio
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from flows.evaluation.comparators import read_comparators
from flows.evaluation.comparison import Evaluation, evaluate, grouped
from flows.evaluation.repeatability import (
    MOST_PERTURBED,
    Repeatability,
    chosen_images,
    measure_repeatability,
)
from flows.evaluation.report import prepare_folder, write_report
from flows.labelled_images.features import FeaturesOrRejection, ImageFeatures, extract_features
from flows.labelled_images.folder import read_labelled
from flows.labelled_images.repeats import read_repeats
from flows.models.catalogue import fitted_on
from flows.resources import Resources
from severity.domain import ModelVersion, Scale

COHEN_OPACITY = Scale(0, 6)
"""The opacity scale of the readers in Cohen et al. 2020."""


@dataclass(frozen=True)
class EvaluationRequest:
    """The images, comparators and report of one evaluation; without ``out``, no report is kept.

    At most ``perturbed`` images are rotated, cropped and so on, to measure how much scores move.
    """

    data: Path
    comparators: Path | None = None
    out: Path | None = None
    opacity: Scale = COHEN_OPACITY
    perturbed: int = MOST_PERTURBED

    def command(self, version: ModelVersion) -> str:
        """Return the command line that reproduces the numbers."""
        words = ["cxr-severity", "evaluate", "--data", str(self.data)]
        words += ["--model", version.name, "--precision", version.precision]
        words += ["--comparators", str(self.comparators)] if self.comparators else []
        words += ["--out", str(self.out)] if self.out else []
        if self.opacity != COHEN_OPACITY:
            ends = (self.opacity.lowest, self.opacity.highest)
            words += ["--opacity-scale", *(f"{end:g}" for end in ends)]
        if self.perturbed != MOST_PERTURBED:
            words += ["--perturbed", str(self.perturbed)]
        return shlex.join(words)


async def evaluate_folder(request: EvaluationRequest, resources: Resources) -> Evaluation:
    """Measure a model on a labelled folder, under the paper's protocol.

    Raises
    ------
    UsageError
        A folder is not as described, or too few images remain.
    ModelUnavailable
        Nothing can be scored.
    """
    folder = read_labelled(request.data, opacity=request.opacity)
    comparators = read_comparators(request.comparators) if request.comparators else {}
    if request.out:
        prepare_folder(request.out)
    model = resources.load_model()
    features = await extract_features(folder.images, resources, model)
    repeatability = await _repeatability(request, features, resources)
    training_images = fitted_on(model.version.name, resources.settings)
    # Run in a thread: Prefect's heartbeat needs this event loop.
    evaluation = await asyncio.to_thread(
        evaluate,
        folder,
        features,
        model,
        comparators=comparators,
        repeatability=repeatability,
        fitted_on=training_images,
    )
    if request.out:
        command = request.command(evaluation.version)
        await asyncio.to_thread(write_report, evaluation, request.out, command=command)
    return evaluation


async def _repeatability(
    request: EvaluationRequest, features: Sequence[FeaturesOrRejection], resources: Resources
) -> Repeatability:
    """Measure both errors: on the folder's repeats, and on some of its images perturbed."""
    images = [image for image in features if isinstance(image, ImageFeatures)]
    dated = await asyncio.to_thread(read_repeats, request.data)
    groups, _ = grouped(images)
    chosen = chosen_images(images, groups, most=request.perturbed)
    return await measure_repeatability(dated, chosen, resources, resources.load_model())
