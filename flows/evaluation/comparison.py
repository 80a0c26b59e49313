"""The evaluation of one model version on one labelled folder."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import starmap

import numpy as np
from threadpoolctl import threadpool_limits

from flows.errors import UsageError
from flows.evaluation.comparators import PublishedPoints
from flows.evaluation.intervals import IntervalCoverage, Readers, as_shipped, on_halves
from flows.evaluation.notes import (
    FittedOn,
    backbone_notes,
    comparator_notes,
    fit_note,
    learned_by_backbone,
    notes,
    shared_with_fit,
)
from flows.evaluation.repeatability import Repeatability
from flows.labelled_images.features import FeaturesOrRejection, ImageFeatures, outputs_of, points_of
from flows.labelled_images.folder import READERS_EXTENT_SCALE, LabelledFolder
from flows.scoring.pipeline import Rejection
from severity.domain import ModelVersion, Scale
from severity.evaluation.agreement import Numbers
from severity.evaluation.duplicates import near_duplicates
from severity.evaluation.protocol import LEAST_GROUPS, Measured, measure
from severity.evaluation.splits import SPLITS, groups_of
from severity.evaluation.subgroups import UNKNOWN, Subgroup, age_group, by_level
from severity.evaluation.systems import (
    AS_IT_IS,
    System,
    comparator,
    feature_sets,
    own_head,
    rescaled,
)
from severity.heads.head import HeadInput
from severity.models.bundled_cards import BUNDLED
from severity.models.scoring_model import ScoringModel

EXTENT, OPACITY = "geographic extent", "opacity"
_NO_PATIENT = "\x00"  # of an image without a patient; no patient is called so


@dataclass(frozen=True, eq=False)
class Result:
    """One system's agreement with the readers, by score."""

    name: str
    fitted: bool
    of_backbone: bool
    measured: Mapping[str, Measured]


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The content of a report.

    Attributes
    ----------
    images
        The images that are measured, in the order of the label file.
    groups
        The group of each image: patients and near-duplicates, which no split separates.
    observed
        The readers' points by score, shape (N,) each.
    agreement
        The systems whose agreement is shown in detail; chosen by kind, not by their results.
    notes
        What a reader of the numbers must know, without names of images.
    used_in_fit
        How many of the images were used to fit the model's own head, as far as is known.
    learned_by_backbone
        How many of the images have scores that the model's backbone learned.
    missing, rejected
        Images that were scored by readers and are not measured; for rejected ones why, by name.
    intervals
        Coverage of prediction intervals by system and score: the refitted one of ``agreement``,
        and the model's own if it has a calibration. Empty without enough patients.
    repeatability
        The model's measurement errors: test-retest and perturbation.
    """

    version: ModelVersion
    images: Sequence[ImageFeatures]
    groups: Sequence[str]
    observed: Mapping[str, Numbers]
    scales: Mapping[str, Scale]
    results: Sequence[Result]
    agreement: Sequence[str]
    notes: Sequence[str]
    missing: Sequence[str]
    rejected: Mapping[str, str]
    fingerprint: str
    used_in_fit: int
    learned_by_backbone: int
    intervals: Sequence[IntervalCoverage]
    repeatability: Repeatability
    splits: int = SPLITS

    def result(self, name: str) -> Result:
        """Return the results of the system of this name."""
        return next(result for result in self.results if result.name == name)

    def caution(self, name: str) -> str:
        """Return why a system's numbers are not its accuracy; empty if they are."""
        if name == AS_IT_IS and self.used_in_fit:
            return "fitted on these images"
        if self.learned_by_backbone and self.result(name).of_backbone:
            return "backbone trained on these images"
        return ""

    def subgroups(self, name: str) -> list[Subgroup]:
        """Split a system's errors by view, sex and age group."""
        errors = {
            score: measured.predicted - self.observed[score]
            for score, measured in self.result(name).measured.items()
        }
        levels = {
            "view": [str(image.view) for image in self.images],
            "sex": [image.labelled.sex or UNKNOWN for image in self.images],
            "age": [age_group(image.labelled.age) for image in self.images],
        }
        return [
            subgroup
            for factor, names in levels.items()
            for subgroup in by_level(factor, names, errors, self.groups)
        ]


def evaluate(  # noqa: PLR0913 - an evaluation rests on all of these
    folder: LabelledFolder,
    features: Sequence[FeaturesOrRejection],
    model: ScoringModel,
    *,
    comparators: Mapping[str, PublishedPoints] | None = None,
    repeatability: Repeatability | None = None,
    fitted_on: FittedOn = None,
) -> Evaluation:
    """Measure how a model and comparators agree with the readers' scores of a folder.

    Deterministic: one thread for each sum, and every draw is seeded.

    Parameters
    ----------
    features
        The backbone's outputs for each of the folder's images, in their order, or its rejection.
    comparators
        Published systems' outputs for the images, by the system's name.
    repeatability
        See `flows.evaluation.repeatability.measure_repeatability`.
    fitted_on
        The images on which the model's head was fitted, if that is known.

    Raises
    ------
    UsageError
        Too few images remain, or too few have outputs of a comparator.
    """
    images = [image for image in features if isinstance(image, ImageFeatures)]
    rejected = {
        image.name: f"{result.reason}: {result.detail}"
        for image, result in zip(folder.images, features, strict=True)
        if isinstance(result, Rejection)
    }
    groups, links = grouped(images)
    if len(set(groups)) < LEAST_GROUPS:
        raise UsageError(
            f"{len(images)} images of {len(set(groups))} patients cannot be split in halves: "
            f"{LEAST_GROUPS} patients are needed ({len(folder.missing)} images are missing, "
            f"{len(rejected)} were rejected)"
        )
    scales = {EXTENT: READERS_EXTENT_SCALE, OPACITY: folder.opacity}
    observed = {
        EXTENT: np.array([image.labelled.extent for image in images]),
        OPACITY: np.array([image.labelled.opacity for image in images]),
    }
    own_systems = _own_systems(images, model, scales)
    comparator_systems = _comparators(images, groups, comparators or {})

    def result(system: System) -> Result:
        measured = {
            score: measure(
                system,
                observed[score],
                groups=groups,
                scale=scales[score],
                opacity=score == OPACITY,
            )
            for score in (EXTENT, OPACITY)
        }
        return Result(system.name, system.fitted, system.of_backbone, measured)

    with threadpool_limits(limits=1, user_api="blas"):
        results = [result(system) for system in (*own_systems, *comparator_systems)]
        # The paper's own choice where the backbone has findings: the last before "no image".
        refitted = own_systems[-3]
        readers = Readers(observed, groups, scales)
        intervals = [*on_halves(refitted, readers), *as_shipped(images, model, readers)]
    network = _bundled_network(model)
    learned = learned_by_backbone(network, images)
    return Evaluation(
        version=model.version,
        images=images,
        groups=groups,
        observed=observed,
        scales=scales,
        results=results,
        agreement=(refitted.name, AS_IT_IS),
        notes=[
            fit_note(model.version.name, images, fitted_on),
            *backbone_notes(network, learned, images),
            *notes(images, links, model.version, scales[OPACITY]),
            *comparator_notes(comparator_systems),
        ],
        used_in_fit=shared_with_fit(model.version.name, images, fitted_on),
        learned_by_backbone=learned,
        intervals=intervals,
        repeatability=repeatability or Repeatability(),
        missing=folder.missing,
        rejected=rejected,
        fingerprint=data_fingerprint(folder, images),
    )


def grouped(images: Sequence[ImageFeatures]) -> tuple[tuple[str, ...], int]:
    """Group images by patient and near-duplicates; also count the pairs of patients these tie."""
    patients = [image.patient or f"{_NO_PATIENT}{image.labelled.name}" for image in images]
    pairs = near_duplicates(np.array([image.perceptual for image in images]))
    tied = {frozenset((patients[first], patients[second])) for first, second in pairs}
    return groups_of(patients, pairs), sum(len(pair) > 1 for pair in tied)


def _bundled_network(model: ScoringModel) -> str:
    """Return the bundled model whose network a model runs, its own or that under its head."""
    return model.version.name if model.version.name in BUNDLED else model.head.backbone


def _own_systems(
    images: Sequence[ImageFeatures], model: ScoringModel, scales: Mapping[str, Scale]
) -> list[System]:
    outputs = outputs_of(images)
    sets = feature_sets(
        outputs[HeadInput.FEATURES].astype(float),
        outputs[HeadInput.LOGITS].astype(float) if HeadInput.LOGITS in outputs else None,
        model.backbone.findings,
    )
    points = points_of(images, model.head).T
    own_scales = (model.version.geographic_extent, model.version.opacity)
    rescalings = zip(points, own_scales, scales.values(), strict=True)
    return [*sets, own_head(*starmap(rescaled, rescalings))]


def _comparators(
    images: Sequence[ImageFeatures], groups: Sequence[str], published: Mapping[str, PublishedPoints]
) -> list[System]:
    systems = []
    for name, outputs in published.items():
        unknown = (float("nan"), float("nan"))
        points = [outputs.get(image.labelled.name, unknown) for image in images]
        extent, opacity = np.array(points).T
        system = comparator(name, extent, opacity)
        included_in = {
            group for group, included in zip(groups, system.included, strict=True) if included
        }
        if len(included_in) < LEAST_GROUPS:
            raise UsageError(f"{name} has outputs for {system.included.sum()} of these images only")
        systems.append(system)
    return systems


def data_fingerprint(folder: LabelledFolder, images: Sequence[ImageFeatures]) -> str:
    """Return a hash of the label files and of every image."""
    hashes = [folder.labels_sha256, *sorted(image.sha256 for image in images)]
    return hashlib.sha256("\n".join(hashes).encode()).hexdigest()
