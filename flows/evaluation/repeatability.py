"""How much a model's scores move although the patient does not, measured on a folder's images."""

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
from flows.scoring.pipeline import FileContent, Network, Pipeline, Rejection
from flows.sources import read_local_file
from severity.domain import MeasurementError, StandardError
from severity.evaluation.duplicates import Hash, near_duplicates, perceptual_hash
from severity.evaluation.perturbations import VERSIONS, Perturbation, versions
from severity.evaluation.repeatability import repeat_sets, standard_error
from severity.files.sidecar import SidecarRecord
from severity.images.grey_image import GreyImage
from severity.images.radiograph import Radiograph
from severity.models.runtime import ModelInput, in_memory
from severity.models.scoring_model import ScoringModel

MOST_PERTURBED = 40
"""Images: with 12 versions each, 480 passes through the network."""

REPEATS, _SAME_DAY, _SAME_PROJECTION = (
    "images within 24 hours",
    "of these, of the same day",
    "of these, of the same projection",
)
ALL = str(Perturbation.ALL)
_NOBODY = "unnamed"

Points = NDArray[np.float64]
"""Shape (N, 2): extent and opacity, clipped to the model's scales."""
Errors = tuple[StandardError | None, StandardError | None]
"""Of extent and opacity; None where nothing repeats."""
Versions = Callable[[GreyImage], Iterable[GreyImage]]


@dataclass(frozen=True)
class RepeatabilityRow:
    """One way to see noise: its name, images, and standard errors of extent and opacity."""

    name: str
    images: int
    errors: Errors


@dataclass(frozen=True)
class Repeatability:
    """The measurement errors of both scores, in detail and together."""

    repeats: tuple[RepeatabilityRow, ...] = ()
    perturbations: tuple[RepeatabilityRow, ...] = ()
    note: str = ""

    @property
    def errors(self) -> tuple[MeasurementError, MeasurementError]:
        """Of extent and opacity: images within 24 hours, and all perturbations together."""
        found = {row.name: row.errors for row in (*self.repeats, *self.perturbations)}
        nothing = (None, None)
        both = zip(found.get(REPEATS, nothing), found.get(ALL, nothing), strict=True)
        extent, opacity = (MeasurementError(*one) for one in both)
        return extent, opacity


@dataclass(frozen=True)
class _Item:
    """An image that is to be scored once for each of its versions."""

    path: Path
    record: SidecarRecord
    versions: Versions


@dataclass(frozen=True, eq=False)
class _Prepared:
    """The versions of an image as the network sees them, and the hash of the first one."""

    inputs: list[ModelInput]
    perceptual: Hash


@dataclass(frozen=True, eq=False)
class _Looked:
    """The points of each version of an image, and the hash of the first one."""

    points: Points
    perceptual: Hash


async def measure_repeatability(
    dated: Dated, images: Sequence[ImageFeatures], resources: Resources, model: ScoringModel
) -> Repeatability:
    """Score images that repeat others, and others that are perturbed.

    Deterministic: how an image is perturbed follows from its content.

    Parameters
    ----------
    dated
        Images that may be repeats.
    images
        Those that are perturbed: see `chosen_images`.
    model
        Whose scores may move.
    """
    repeats = [_Item(one.path, one.record, lambda grey: (grey,)) for one in dated.images]
    looked = await _look_at([*repeats, *map(_to_perturb, images)], resources, model)
    return Repeatability(
        _repeat_rows(dated.images, looked[: len(repeats)]),
        _perturbed_rows([one for one in looked[len(repeats) :] if one]),
        dated.note,
    )


def chosen_images(
    images: Sequence[ImageFeatures], groups: Sequence[str], *, most: int = MOST_PERTURBED
) -> list[ImageFeatures]:
    """Choose images to perturb: one of each group before a second one, by hash of content."""
    seen: Counter[str] = Counter()
    turns = {}
    for place in sorted(range(len(images)), key=lambda place: images[place].sha256):
        turns[place] = seen[groups[place]]
        seen[groups[place]] += 1
    first = sorted(turns, key=turns.__getitem__)[:most]
    return [images[place] for place in sorted(first)]


def _to_perturb(image: ImageFeatures) -> _Item:
    def changed(grey: GreyImage) -> Iterable[GreyImage]:
        return (one for _, one in versions(grey, seed=int(image.sha256[:8], base=16)))

    record = SidecarRecord(patient_id=image.patient or _NOBODY, view=image.image.view)
    return _Item(image.image.path, record, changed)


async def _look_at(
    items: Sequence[_Item], resources: Resources, model: ScoringModel
) -> list[_Looked | None]:
    """Read, prepare and score the versions of each image; None for an image that is rejected."""
    resources.progress.waiting(len(items))
    with Pipeline(resources.settings, model) as pipeline:

        async def prepare(item: _Item) -> _Prepared:
            content = await asyncio.to_thread(read_local_file, item.path)
            reduce = partial(_prepared, versions=item.versions)
            return await pipeline.decode(FileContent(content, item.record), reduce)

        async def look(item: _Item) -> _Looked | None:
            (image,) = await pipeline.prepare([item], prepare)
            if isinstance(image, Rejection):
                resources.progress.advanced(scored=0, rejected=1)
                return None
            scores = await pipeline.in_stream(model.score, image.inputs)
            resources.progress.advanced(scored=1, rejected=0)
            points = [(score.geographic_extent, score.opacity) for score in scores]
            return _Looked(np.array(points), image.perceptual)

        return await at_once(pipeline.batches, look, items)


def _prepared(radiograph: Radiograph, network: Network, *, versions: Versions) -> _Prepared:
    """Prepare each version as it is made: only one is in memory beside the image."""
    inputs = [network.prepare(grey) for grey in versions(radiograph.grey)]
    return _Prepared(inputs, perceptual_hash(in_memory(inputs[0])))


def _repeat_rows(
    images: Sequence[DatedImage], looked: Sequence[_Looked | None]
) -> tuple[RepeatabilityRow, ...]:
    """Compare the images of each set, and those of them that share the day or the projection."""
    there = [(image, one) for image, one in zip(images, looked, strict=True) if one]
    if not there:
        return ()
    sets = repeat_sets(
        [image.record.patient_id for image, _ in there],
        [image.moment for image, _ in there],
        near_duplicates(np.array([one.perceptual for _, one in there])),
    )
    places = [(number, place) for number, one in enumerate(sets) for place in one]
    points = np.array([there[place][1].points[0] for _, place in places]).reshape(-1, 2)
    images = [there[place][0] for _, place in places]
    numbers = [number for number, _ in places]
    days = [image.moment.day for image in images]
    projections = [_projection(image) for image in images]
    return (
        _row(REPEATS, points, [(number,) for number in numbers]),
        _row(_SAME_DAY, points, list(zip(numbers, days, strict=True))),
        _row(_SAME_PROJECTION, points, list(zip(numbers, projections, strict=True))),
    )


def _projection(image: DatedImage) -> str:
    """Tell from which side the image was taken: a patient who lies is taken from the front."""
    view = image.record.view.upper()
    return "AP" if view.startswith("AP") else view


def _perturbed_rows(looked: Sequence[_Looked]) -> tuple[RepeatabilityRow, ...]:
    if not looked:
        return ()
    kinds = [kind for kind, number in VERSIONS.items() for _ in range(number)]
    points = np.array([one.points for one in looked])
    rows = []
    for kind, number in VERSIONS.items():
        of_kind = points[:, [one is kind for one in kinds]].reshape(-1, 2)
        images = np.repeat(np.arange(len(looked)), number).tolist()
        rows.append(RepeatabilityRow(str(kind), len(looked), _errors(of_kind, images)))
    return tuple(rows)


def _row(name: str, points: Points, sets: Sequence[tuple[object, ...]]) -> RepeatabilityRow:
    """Estimate both errors from the images that are not alone in their set."""
    counts = Counter(sets)
    places = [place for place, one in enumerate(sets) if counts[one] > 1]
    number = {one: place for place, one in enumerate(counts)}
    return RepeatabilityRow(
        name, len(places), _errors(points[places], [number[sets[p]] for p in places])
    )


def _errors(points: Points, sets: Sequence[int]) -> Errors:
    extent, opacity = (standard_error(column, sets) for column in points.T)
    return extent, opacity
