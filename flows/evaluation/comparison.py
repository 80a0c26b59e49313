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
from flows.evaluation.notes import FittedOn, comparator_notes, fit_note, notes, shared_with_fit
from flows.evaluation.repeatability import Repeatability
from flows.labelled_images.features import ImageFeatures, SeenOrRejected, outputs_of, points_of
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
from severity.models.scoring_model import ScoringModel

EXTENT, OPACITY = "geographic extent", "opacity"
_NOBODY = "\x00"  # of an image without a patient; no patient is called so


@dataclass(frozen=True, eq=False)
class Result:
    """One system, and how it agrees with the readers, by score."""

    name: str
    fitted: bool
    measured: Mapping[str, Measured]


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Everything that a report says.

    Attributes
    ----------
    images
        Those that take part, in the order of the label file.
    groups
        Of each image: patients and near-duplicates, which no split separates.
    observed
        The readers' points by score, shape (N,) each.
    agreement
        The systems whose agreement is shown in detail; chosen by what they are, not by how
        well they do.
    notes
        What a reader of the numbers must know, without names of images.
    fitted_here
        How many of the images were used to fit the model's own head, as far as is known.
    missing, rejected
        Images that were scored by readers and take no part, and why, by name.
    intervals
        What prediction intervals held, by system and score: the refitted one of ``agreement``,
        and the model's own where it has a calibration. Without enough patients, none.
    noise
        How much the model's scores move although the patient does not.
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
    fitted_here: int
    intervals: Sequence[IntervalCoverage]
    repeatability: Repeatability
    splits: int = SPLITS

    def result(self, name: str) -> Result:
        """Return the system of this name."""
        return next(one for one in self.results if one.name == name)

    def caution(self, name: str) -> str:
        """Say why a system's numbers are not its accuracy; empty where they are."""
        return "fitted on these images" if name == AS_IT_IS and self.fitted_here else ""

    def subgroups(self, name: str) -> list[Subgroup]:
        """Split a system's errors by view, sex and age group."""
        errors = {
            score: one.predicted - self.observed[score]
            for score, one in self.result(name).measured.items()
        }
        levels = {
            "view": [str(one.view) for one in self.images],
            "sex": [one.image.sex or UNKNOWN for one in self.images],
            "age": [age_group(one.image.age) for one in self.images],
        }
        return [
            subgroup
            for factor, names in levels.items()
            for subgroup in by_level(factor, names, errors, self.groups)
        ]


def evaluate(  # noqa: PLR0913 - what an evaluation rests on
    folder: LabelledFolder,
    seen: Sequence[SeenOrRejected],
    model: ScoringModel,
    *,
    comparators: Mapping[str, PublishedPoints] | None = None,
    repeatability: Repeatability | None = None,
    fitted_on: FittedOn = None,
) -> Evaluation:
    """Compare what was seen of a folder's images with the readers' scores.

    Deterministic: one thread for each sum, and every draw is seeded.

    Parameters
    ----------
    seen
        What was seen of each of the folder's images, in their order.
    comparators
        What published systems give for the images, by the system's name.
    noise
        See `flows.evaluation.repeatability.measure_repeatability`.
    fitted_on
        The images on which the model's head was fitted, if that is known.

    Raises
    ------
    UsageError
        Too few images remain, or too few have outputs of a comparator.
    """
    images = [one for one in seen if isinstance(one, ImageFeatures)]
    rejected = {
        image.name: f"{one.reason}: {one.detail}"
        for image, one in zip(folder.images, seen, strict=True)
        if isinstance(one, Rejection)
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
        EXTENT: np.array([one.image.extent for one in images]),
        OPACITY: np.array([one.image.opacity for one in images]),
    }
    own, by_comparators = (
        _own_systems(images, model, scales),
        _comparators(images, groups, comparators or {}),
    )

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
        return Result(system.name, system.fitted, measured)

    with threadpool_limits(limits=1, user_api="blas"):
        results = [result(system) for system in (*own, *by_comparators)]
        # The paper's own choice where the backbone has findings: the last before "no image".
        refitted = own[-3]
        readers = Readers(observed, groups, scales)
        intervals = [*on_halves(refitted, readers), *as_shipped(images, model, readers)]
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
            *notes(images, links, model.version, scales[OPACITY]),
            *comparator_notes(by_comparators),
        ],
        fitted_here=shared_with_fit(model.version.name, images, fitted_on),
        intervals=intervals,
        repeatability=repeatability or Repeatability(),
        missing=folder.missing,
        rejected=rejected,
        fingerprint=data_fingerprint(folder, images),
    )


def grouped(images: Sequence[ImageFeatures]) -> tuple[tuple[str, ...], int]:
    """Group images by patient and near-duplicates; also how many pairs of patients these tie."""
    patients = [one.patient or f"{_NOBODY}{one.image.name}" for one in images]
    pairs = near_duplicates(np.array([one.perceptual for one in images]))
    tied = {frozenset((patients[one], patients[other])) for one, other in pairs}
    return groups_of(patients, pairs), sum(len(both) > 1 for both in tied)


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
    given = (model.version.geographic_extent, model.version.opacity)
    return [*sets, own_head(*starmap(rescaled, zip(points, given, scales.values(), strict=True)))]


def _comparators(
    images: Sequence[ImageFeatures], groups: Sequence[str], published: Mapping[str, PublishedPoints]
) -> list[System]:
    systems = []
    for name, outputs in published.items():
        nothing = (float("nan"), float("nan"))
        extent, opacity = np.array([outputs.get(one.image.name, nothing) for one in images]).T
        system = comparator(name, extent, opacity)
        inside = {
            group for group, included in zip(groups, system.included, strict=True) if included
        }
        if len(inside) < LEAST_GROUPS:
            raise UsageError(f"{name} has outputs for {system.included.sum()} of these images only")
        systems.append(system)
    return systems


def data_fingerprint(folder: LabelledFolder, images: Sequence[ImageFeatures]) -> str:
    """Hash the label file and every image."""
    hashes = [folder.labels_sha256, *sorted(one.sha256 for one in images)]
    return hashlib.sha256("\n".join(hashes).encode()).hexdigest()
