"""Repeatability: a model's test-retest and perturbation errors, measured on a folder's images."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from flows.concurrency import at_once
from flows.labelled_images.features import ImageFeatures
from flows.labelled_images.repeats import Dated, DatedImage
from flows.resources import Resources
from flows.scoring.pipeline import FileContent, InferenceNetwork, Pipeline, Rejection
from flows.sources import read_local_file
from severity.domain import MeasurementError, StandardError, View
from severity.evaluation.duplicates import Hash, near_duplicates, perceptual_hash
from severity.evaluation.perturbations import VERSIONS, Perturbation, versions
from severity.evaluation.repeatability import repeat_sets, standard_error
from severity.files.sidecar import SidecarRecord
from severity.images.grey_image import GreyImage
from severity.images.radiograph import Radiograph
from severity.models.runtimes.runtime import ModelInput, in_memory
from severity.models.scoring_model import ScoringModel

MOST_PERTURBED = 40
"""The most images that are perturbed: with 12 versions each, 480 passes through the network."""

REPEATS, _SAME_DAY, _SAME_PROJECTION = (
    "images within 24 hours",
    "of these, of the same day",
    "of these, of the same projection",
)
ALL = str(Perturbation.ALL)
_PROJECTIONS = {View.PA: View.PA, View.AP: View.AP, View.AP_SUPINE: View.AP}
_NO_PATIENT = "unnamed"

Points = NDArray[np.float64]
"""Shape (N, 2): extent and opacity, clipped to the model's scales."""
Errors = tuple[StandardError | None, StandardError | None]
"""The standard errors of extent and opacity; None where nothing repeats."""
Versions = Callable[[GreyImage], Iterable[GreyImage]]


@dataclass(frozen=True)
class RepeatabilityRow:
    """One estimate of measurement error: its name, images, and standard errors of both scores."""

    name: str
    images: int
    errors: Errors


@dataclass(frozen=True)
class Repeatability:
    """The measurement errors of both scores, estimate by estimate and together."""

    repeats: tuple[RepeatabilityRow, ...] = ()
    perturbations: tuple[RepeatabilityRow, ...] = ()
    note: str = ""

    @property
    def errors(self) -> tuple[MeasurementError, MeasurementError]:
        """The errors of extent and opacity, by images within 24 hours and by all perturbations."""
        by_name = {row.name: row.errors for row in (*self.repeats, *self.perturbations)}
        unknown = (None, None)
        pairs = zip(by_name.get(REPEATS, unknown), by_name.get(ALL, unknown), strict=True)
        extent, opacity = (MeasurementError(*pair) for pair in pairs)
        return extent, opacity


@dataclass(frozen=True)
class _ImageToScore:
    """An image that is to be scored once for each of its versions."""

    path: Path
    record: SidecarRecord
    versions: Versions


@dataclass(frozen=True, eq=False)
class _Prepared:
    """The model inputs of an image's versions, the hash of the first one, and the view."""

    inputs: list[ModelInput]
    perceptual: Hash
    view: View


@dataclass(frozen=True, eq=False)
class _ScoredVersions:
    """The points of each version of an image, the hash of the first one, and the view."""

    points: Points
    perceptual: Hash
    view: View


async def measure_repeatability(
    dated: Dated, images: Sequence[ImageFeatures], resources: Resources, model: ScoringModel
) -> Repeatability:
    """Measure the repeatability of scores on repeat images and on perturbed ones.

    Deterministic: how an image is perturbed follows from its content.

    Parameters
    ----------
    dated
        Images that may be repeats.
    images
        The images that are perturbed: see `chosen_images`.
    model
        The model whose scores are measured.
    """
    repeats = [
        _ImageToScore(image.path, image.record, lambda grey: (grey,)) for image in dated.images
    ]
    scored = await _score_versions([*repeats, *map(_to_perturb, images)], resources, model)
    return Repeatability(
        _repeat_rows(dated.images, scored[: len(repeats)]),
        _perturbed_rows([versions for versions in scored[len(repeats) :] if versions]),
        dated.note,
    )


def chosen_images(
    images: Sequence[ImageFeatures], groups: Sequence[str], *, most: int = MOST_PERTURBED
) -> list[ImageFeatures]:
    """Choose the images to perturb: one of each group before a second one, by hash of content."""
    counts: Counter[str] = Counter()
    turns = {}
    for place in sorted(range(len(images)), key=lambda place: images[place].sha256):
        turns[place] = counts[groups[place]]
        counts[groups[place]] += 1
    first = sorted(turns, key=turns.__getitem__)[:most]
    return [images[place] for place in sorted(first)]


def _to_perturb(image: ImageFeatures) -> _ImageToScore:
    def perturbed(grey: GreyImage) -> Iterable[GreyImage]:
        return (version for _, version in versions(grey, seed=int(image.sha256[:8], base=16)))

    record = SidecarRecord(patient_id=image.patient or _NO_PATIENT, view=image.labelled.view)
    return _ImageToScore(image.labelled.path, record, perturbed)


async def _score_versions(
    items: Sequence[_ImageToScore], resources: Resources, model: ScoringModel
) -> list[_ScoredVersions | None]:
    """Return the points of each image's versions; None for an image that is rejected."""
    resources.progress.waiting(len(items))
    with Pipeline(resources.settings, model) as pipeline:

        async def prepare(item: _ImageToScore) -> _Prepared:
            content = await asyncio.to_thread(read_local_file, item.path)
            reduce = partial(_prepared, versions=item.versions)
            return await pipeline.decode(FileContent(content, item.record), reduce)

        async def score(item: _ImageToScore) -> _ScoredVersions | None:
            (image,) = await pipeline.prepare([item], prepare)
            if isinstance(image, Rejection):
                resources.progress.advanced(scored=0, rejected=1)
                return None
            scores = await pipeline.in_stream(model.score, image.inputs)
            resources.progress.advanced(scored=1, rejected=0)
            points = [(each.geographic_extent, each.opacity) for each in scores]
            return _ScoredVersions(np.array(points), image.perceptual, image.view)

        return await at_once(pipeline.batches, score, items)


def _prepared(
    radiograph: Radiograph, network: InferenceNetwork, *, versions: Versions
) -> _Prepared:
    """Prepare each version as it is made: only one is in memory at a time."""
    inputs = [network.prepare(grey) for grey in versions(radiograph.grey)]
    perceptual = perceptual_hash(in_memory(inputs[0]))
    return _Prepared(inputs, perceptual, radiograph.record.view)


def _repeat_rows(
    images: Sequence[DatedImage], scored: Sequence[_ScoredVersions | None]
) -> tuple[RepeatabilityRow, ...]:
    """Estimate errors within sets of repeats: all, of one day, and of one projection."""
    pairs = [(image, versions) for image, versions in zip(images, scored, strict=True) if versions]
    if not pairs:
        return ()
    sets = repeat_sets(
        [image.record.patient_id for image, _ in pairs],
        [image.moment for image, _ in pairs],
        near_duplicates(np.array([versions.perceptual for _, versions in pairs])),
    )
    places = [(number, place) for number, members in enumerate(sets) for place in members]
    points = np.array([pairs[place][1].points[0] for _, place in places]).reshape(-1, 2)
    numbers = [number for number, _ in places]
    days = [pairs[place][0].moment.day for _, place in places]
    views = [pairs[place][1].view for _, place in places]
    # Images whose view is unknown share it with none: each is a set of its own.
    projections = [_PROJECTIONS.get(view, place) for place, view in enumerate(views)]
    return (
        _row(REPEATS, points, [(number,) for number in numbers]),
        _row(_SAME_DAY, points, list(zip(numbers, days, strict=True))),
        _row(_SAME_PROJECTION, points, list(zip(numbers, projections, strict=True))),
    )


def _perturbed_rows(scored: Sequence[_ScoredVersions]) -> tuple[RepeatabilityRow, ...]:
    if not scored:
        return ()
    kinds = [kind for kind, number in VERSIONS.items() for _ in range(number)]
    points = np.array([versions.points for versions in scored])
    rows = []
    for kind, number in VERSIONS.items():
        of_kind = points[:, [version_kind is kind for version_kind in kinds]].reshape(-1, 2)
        images = np.repeat(np.arange(len(scored)), number).tolist()
        rows.append(RepeatabilityRow(str(kind), len(scored), _errors(of_kind, images)))
    return tuple(rows)


def _row(name: str, points: Points, sets: Sequence[tuple[object, ...]]) -> RepeatabilityRow:
    """Estimate the errors of both scores from the sets of two images and more."""
    counts = Counter(sets)
    places = [place for place, key in enumerate(sets) if counts[key] > 1]
    number = {key: place for place, key in enumerate(counts)}
    return RepeatabilityRow(
        name, len(places), _errors(points[places], [number[sets[p]] for p in places])
    )


def _errors(points: Points, sets: Sequence[int]) -> Errors:
    extent, opacity = (standard_error(column, sets) for column in points.T)
    return extent, opacity
