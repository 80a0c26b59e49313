"""Which images teach triage, what each is said to show, and which must stay together."""

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
"""As ChestX-ray14 names it: what a report calls pneumonia. Infiltration or consolidation alone
would not do, since either may be something else."""

COVID_19 = frozenset({"COVID-19", "COVID-19, ARDS"})
NO_PNEUMONIA = frozenset({"ARDS"})
"""Diagnoses of the collection that name no cause: they may come from no pneumonia at all."""

Places = NDArray[np.intp]


@dataclass(frozen=True)
class TriageImages:
    """Images, and for each its class (a place in `CLASSES`) and its group."""

    images: tuple[TrainingImage, ...]
    classes: Places
    groups: tuple[str, ...]

    @property
    def sources(self) -> NDArray[np.str_]:
        """Name the source of each image."""
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
    """Say what an image shows, as its source has it; None leaves it out.

    An image that is called COVID-19 although nothing is seen on it is left out: it shows one class
    and its patient has the other.
    """
    if image.source == "nih":
        return _of_findings(image.findings or frozenset())
    if image.source == "cxnet":
        return TriageClass.COVID_19 if image.abnormal else None
    if image.diagnosis in COVID_19:
        seen = image.score is None or image.score.extent > 0
        return TriageClass.COVID_19 if seen else None
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
    """List pairs of images that show the same exposure, by their places.

    A perceptual hash compares all images; images of ``overlapping`` sources are also registered
    with those of each other one, which finds crops and screenshots that a hash does not.

    Parameters
    ----------
    inputs
        Shape (N, 224, 224), the images as the network sees them.
    """
    pairs = near_duplicates(np.stack([perceptual_hash(image) for image in inputs]))
    place = {image.path: number for number, image in enumerate(images)}
    by_source = [[image for image in images if image.source == one] for one in sorted(overlapping)]
    reduced_images = ReducedImages()
    for references, others in pairwise(by_source):
        found = matches(references, others, reduced_images)
        pairs += [(place[match.reference.path], place[match.image.path]) for match in found]
    return pairs


def with_classes(
    images: Sequence[TrainingImage], linked: Iterable[tuple[int, int]]
) -> TriageImages:
    """Keep the images that have a class, each in the group of its patient and its copies.

    Parameters
    ----------
    linked
        Pairs of places in ``images`` that must not be separated.
    """
    groups = groups_of([image.patient for image in images], linked)
    named = [
        (image, triage_class(image), group) for image, group in zip(images, groups, strict=True)
    ]
    kept = [(image, one, group) for image, one, group in named if one is not None]
    return TriageImages(
        images=tuple(image for image, _, _ in kept),
        classes=np.array([CLASSES.index(one) for _, one, _ in kept], dtype=np.intp),
        groups=tuple(group for _, _, group in kept),
    )


def without_source(images: TriageImages, source: str) -> tuple[Places, Places]:
    """Split into images that have nothing to do with a source, and those of the source.

    Returns
    -------
    Places of the training and of the test images. An image of another source is in neither when
    its group (patient or copy) has an image of this one.
    """
    of_source = images.sources == source
    touched = {group for group, own in zip(images.groups, of_source, strict=True) if own}
    touching = np.array([group in touched for group in images.groups])
    return np.flatnonzero(~touching), np.flatnonzero(of_source)
