"""Learn the reference distribution of frontal images, from which distances are measured.

It is learned from the images that models are trained on, never from those of a scored patient.
The limits come from the distance of each training image to a reference that saw no image of its
patient.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.model_selection import GroupKFold

from severity.images.preprocessing import MODEL_LIMIT
from severity.images.resizing import MODEL_SIDE
from severity.reliability.out_of_distribution import (
    FRONTAL,
    MAP_FEATURES,
    Maps,
    ReferenceDistribution,
    maps,
)
from training.augmentation import Augmentation, random_views
from training.head import model_inputs
from training.images import TrainingImage

COMPONENTS = 22
"""From 20 to 26 flag the same laterals; with 16 a third of them passes."""
WITHIN = 0.98
"""Share of the training images within the limits, by a reference without their patient."""

_FOLDS = 5
_VIEWS = 3  # random ones of each image, besides itself
_VIEW_LIMITS = Augmentation(rotation=7.0, scale=0.1, shift=0.05, log_gamma=0.25)
_CHUNK = 256  # images
_ALONE = (0.985, 0.995)
"""Shares of the images within each limit alone, before both are moved together. Noise, text and
drawings lie far beyond the second, other parts of the body just beyond the first."""


@dataclass(frozen=True)
class Learned:
    """A reference distribution, and those of the folds, to measure it on unseen images.

    ``unseen`` maps each training image's path to the reference of the fold without its patient.
    """

    reference: ReferenceDistribution
    unseen: dict[Path, ReferenceDistribution]

    def without_patient_of(self, image: Path) -> ReferenceDistribution:
        """Return a reference that saw no image of this image's patient."""
        return self.unseen.get(image, self.reference)


def learn(images: Sequence[TrainingImage]) -> Learned:
    """Learn a reference distribution and its limits from images; deterministic."""
    views = _views(images)
    folds = GroupKFold(_FOLDS).split(views, groups=[image.patient for image in images])
    fitted, distances = [], np.empty((len(images), 2))
    for training, test in folds:
        reference = fit(views[training].reshape(-1, MAP_FEATURES))
        distances[test] = reference.distances(views[test, 0])
        fitted.append((reference, test))
    within, beyond = limits(distances)
    return Learned(
        reference=replace(
            fit(views.reshape(-1, MAP_FEATURES)), within_limit=within, beyond_limit=beyond
        ),
        unseen={
            images[place].path: limited
            for reference, test in fitted
            for limited in [replace(reference, within_limit=within, beyond_limit=beyond)]
            for place in test
        },
    )


def fit(features: NDArray[np.floating]) -> ReferenceDistribution:
    """Compute the principal components of features, shape (M, 392); the limits are 1."""
    mean = features.mean(axis=0)
    variances, directions = np.linalg.eigh(np.cov(features.astype(np.float64).T))
    components = directions.T[::-1][:COMPONENTS]
    # Either sign is right; the largest entry decides, so that all machines find the same.
    largest = np.abs(components).argmax(axis=1)
    components = components * np.sign(components[np.arange(len(components)), largest])[:, None]
    return ReferenceDistribution(
        name=FRONTAL,
        mean=mean.astype(np.float32),
        components=np.ascontiguousarray(components, dtype=np.float32),
        deviations=np.sqrt(variances[::-1][:COMPONENTS]).astype(np.float32),
        within_limit=1.0,
        beyond_limit=1.0,
    )


def limits(distances: NDArray[np.floating]) -> tuple[float, float]:
    """Set both limits so that `WITHIN` of the images lie within both; distances of shape (N, 2)."""
    alone = np.array([np.quantile(distances[:, place], _ALONE[place]) for place in (0, 1)])
    within, beyond = alone * np.quantile((distances / alone).max(axis=1), WITHIN)
    return float(within), float(beyond)


def _views(images: Sequence[TrainingImage]) -> NDArray[np.float32]:
    """Compute the features of images, of random views of them, and of the mirror images of all.

    Returns
    -------
    Shape (images, 2 * (1 + views), 392); the image as it is comes first.
    """
    generator = torch.Generator().manual_seed(0)
    chunks = []
    for start in range(0, len(images), _CHUNK):
        inputs = model_inputs(images[start : start + _CHUNK])[:, 0]
        grey = ((inputs / MODEL_LIMIT + 1) * (255 / 2)).round().byte()
        versions = [inputs]
        for _ in range(_VIEWS):
            views, _mirrored = random_views(
                grey, side=MODEL_SIDE, limits=_VIEW_LIMITS, generator=generator
            )
            versions.append((views[:, 0] * 2 - 1) * MODEL_LIMIT)
        features = [_with_mirrored(maps(list(version.numpy()))) for version in versions]
        chunks.append(np.stack(features, axis=1))
    return np.concatenate(chunks).reshape(len(images), -1, MAP_FEATURES)


def _with_mirrored(images: Sequence[Maps]) -> NDArray[np.float32]:
    """Return the features of images and of their mirror images, shape (N, 2, 392)."""
    return np.stack([[image.features, image.mirrored().features] for image in images])
