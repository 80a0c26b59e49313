"""The images that triage is fitted on, their classes, and the groups that must not be split."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from severity.evaluation.duplicates import near_duplicates, perceptual_hash
from severity.evaluation.splits import groups_of
from severity.heads.triage import CLASSES, TriageClass
from training.duplicates import ReducedImages, matches
from training.images import NO_FINDING, TrainingImage

PNEUMONIA = "Pneumonia"
"""Pneumonia in a report, as ChestX-ray14 names it. Infiltration or consolidation alone would not
do, since either may be something else."""

COVID_19 = frozenset({"COVID-19", "COVID-19, ARDS"})
NO_PNEUMONIA = frozenset({"ARDS"})
"""Diagnoses of the collection that name no cause: they may come from no pneumonia at all."""

Places = NDArray[np.intp]


@dataclass(frozen=True)
class TriageImages:
    """Images, each with its class (a place in `CLASSES`) and its group."""

    images: tuple[TrainingImage, ...]
    classes: Places
    groups: tuple[str, ...]

    @property
    def sources(self) -> NDArray[np.str_]:
        """The source of each image."""
        return np.array([image.source for image in self.images])

    def counts(self) -> dict[str, list[int]]:
        """Count images by source, in the order of `CLASSES`."""
        return {
            str(source): np.bincount(
                self.classes[self.sources == source], minlength=len(CLASSES)
            ).tolist()
            for source in np.unique(self.sources)
        }


def triage_class(image: TrainingImage) -> TriageClass | None:
    """Return the class of an image by the labels of its source; None leaves it out.

    An image labelled COVID-19 on which readers saw nothing is left out: the image shows one class
    and its patient has the other.
    """
    if image.source == "nih":
        return _of_findings(image.findings or frozenset())
    if image.source == "cxnet":
        return TriageClass.COVID_19 if image.abnormal else None
    if image.diagnosis in COVID_19:
        visible = image.score is None or image.score.extent > 0
        return TriageClass.COVID_19 if visible else None
    if image.diagnosis == NO_FINDING:
        return TriageClass.NO_FINDING
    return None if image.diagnosis in NO_PNEUMONIA else TriageClass.OTHER_PNEUMONIA


def _of_findings(findings: frozenset[str]) -> TriageClass | None:
    if not findings:
        return TriageClass.NO_FINDING
    return TriageClass.OTHER_PNEUMONIA if PNEUMONIA in findings else None


def copies(
    images: Sequence[TrainingImage], inputs: NDArray[np.float32], *, overlapping: frozenset[str]
) -> list[tuple[int, int]]:
    """Find pairs of images that show the same exposure, by their places.

    A perceptual hash compares all images; images of ``overlapping`` sources are also registered
    with each other, which finds crops and screenshots that a hash does not.

    Parameters
    ----------
    inputs
        Shape (N, 224, 224), the images as the network sees them.
    """
    pairs = near_duplicates(np.stack([perceptual_hash(image) for image in inputs]))
    place = {image.path: number for number, image in enumerate(images)}
    by_source = [
        [image for image in images if image.source == source] for source in sorted(overlapping)
    ]
    reduced_images = ReducedImages()
    for references, others in pairwise(by_source):
        copied = matches(references, others, reduced_images)
        pairs += [(place[match.reference.path], place[match.image.path]) for match in copied]
    return pairs


def with_classes(
    images: Sequence[TrainingImage], linked: Iterable[tuple[int, int]]
) -> TriageImages:
    """Return the images that have a class, each in the group of its patient and its copies.

    Parameters
    ----------
    linked
        Pairs of places in ``images`` that must not be separated.
    """
    groups = groups_of([image.patient for image in images], linked)
    labelled = [
        (image, label, group)
        for image, group in zip(images, groups, strict=True)
        if (label := triage_class(image)) is not None
    ]
    return TriageImages(
        images=tuple(image for image, _, _ in labelled),
        classes=np.array([CLASSES.index(label) for _, label, _ in labelled], dtype=np.intp),
        groups=tuple(group for _, _, group in labelled),
    )


def without_source(images: TriageImages, source: str) -> tuple[Places, Places]:
    """Split images into training images unrelated to a source, and test images of the source.

    Returns
    -------
    Places of the training and of the test images. An image of another source is in neither when
    its group (patient or copy) has an image of this one.
    """
    of_source = images.sources == source
    groups = {group for group, inside in zip(images.groups, of_source, strict=True) if inside}
    related = np.array([group in groups for group in images.groups])
    return np.flatnonzero(~related), np.flatnonzero(of_source)
