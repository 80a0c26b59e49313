"""The whole training of a head: read a labelled folder, extract features, fit, store the model."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from flows.errors import UsageError
from flows.evaluation.comparison import grouped
from flows.evaluation.repeatability import (
    MOST_PERTURBED,
    Repeatability,
    chosen_images,
    measure_repeatability,
)
from flows.head_training.fit import Trained, settled_basis, train, with_errors
from flows.head_training.record import HeadChoice
from flows.labelled_images.features import FeaturesOrRejection, ImageFeatures, extract_features
from flows.labelled_images.folder import (
    BRIXIA_LABELS,
    LABELS,
    LabelKind,
    LabelledFolder,
    read_labelled,
)
from flows.labelled_images.repeats import Dated, read_repeats
from flows.models.catalogue import store
from flows.models.importing import name_problem, scale_problem
from flows.models.loading import load_feature_extractor
from flows.resources import Resources
from flows.settings import Settings
from severity.domain import Scale
from severity.models.backbone_catalogue import findings
from severity.models.scoring_model import ScoringModel


@dataclass(frozen=True)
class TrainingRequest:
    """The head and the images of one training; ``opacity`` is the scale of readers and head.

    At most ``perturbed`` images are rotated, cropped and so on, to measure how much scores move;
    with 0, no measurement error is measured.
    """

    data: Path
    head: HeadChoice
    backbone: str
    labels: Sequence[LabelKind]
    opacity: Scale
    perturbed: int = MOST_PERTURBED


async def train_folder(request: TrainingRequest, resources: Resources) -> Trained:
    """Fit a head on a labelled folder, measure it, and store it as a new model.

    Raises
    ------
    UsageError
        The name, the scale or the labels cannot be used, the folder is not as described, too
        few images remain, or there is a model of that name, before the work or by its end.
    ModelUnavailable
        The backbone cannot be loaded, or the model cannot be stored.
    """
    name, settings = request.head.name, resources.settings
    _check(request, settings)
    folder = _labelled(request)
    network = await asyncio.to_thread(load_feature_extractor, request.backbone, settings)
    features = await extract_features(folder.images, resources, network)
    # Run in a thread: Prefect's heartbeat needs this event loop.
    trained = await asyncio.to_thread(train, request.head, folder, features, network)
    repeatability = Repeatability()
    if request.perturbed:
        model = network.under(trained.model.head)
        repeatability = await repeatability_on_new_patients(
            request.data, features, resources, model, perturbed=request.perturbed
        )
    trained = with_errors(trained, *repeatability.errors)
    if not store(settings).add(trained.model):
        raise UsageError(f"{name} was added by another process meanwhile, and is the same model")
    return trained


def _check(request: TrainingRequest, settings: Settings) -> None:
    """Raise `UsageError` for a request that cannot succeed, before the work begins."""
    name = request.head.name
    if problem := name_problem(name) or scale_problem(request.opacity):
        raise UsageError(problem)
    if name in store(settings).names():
        raise UsageError(f"there is a model {name} already, and none is replaced: use another name")
    settled_basis(request.head, findings(request.backbone))


def _labelled(request: TrainingRequest) -> LabelledFolder:
    tables = {name: (request.data / name).is_file() for name in (LABELS, BRIXIA_LABELS)}
    if LabelKind.READERS in request.labels and not tables[LABELS] and tables[BRIXIA_LABELS]:
        raise UsageError(
            f"there is no {LABELS} in {request.data}, but {BRIXIA_LABELS}: to use Brixia scores "
            "as proxy labels, use --labels brixia"
        )
    return read_labelled(request.data, opacity=request.opacity, kinds=request.labels)


async def repeatability_on_new_patients(
    folder: Path,
    features: Sequence[FeaturesOrRejection],
    resources: Resources,
    model: ScoringModel,
    *,
    perturbed: int,
) -> Repeatability:
    """Measure the repeatability of a new model's scores.

    Repeats are images of patients whom the head was not fitted on: on the patients of its fit,
    whose labels it knows, scores move less than on a new patient.

    Parameters
    ----------
    features
        The images that the head was fitted on; at most ``perturbed`` of them are perturbed.
    """
    images = [image for image in features if isinstance(image, ImageFeatures)]
    dated = await asyncio.to_thread(read_repeats, folder)
    paths = {image.labelled.path for image in images}
    fitted_on = {image.patient for image in images}
    fitted_on |= {image.record.patient_id for image in dated.images if image.path in paths}
    repeats = tuple(image for image in dated.images if image.record.patient_id not in fitted_on)
    groups, _ = grouped(images)
    chosen = chosen_images(images, groups, most=perturbed)
    return await measure_repeatability(Dated(repeats, dated.note), chosen, resources, model)
