"""Learn the reference by which scores tell how like known frontal images an image is.

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
"""From 20 to 26 tell the same laterals; with 16 a third of them passes."""
LIKE = 0.98
"""Of the training images, as seen by a reference that knows no image of their patient."""

_FOLDS = 5
_VIEWS = 3  # of each image beside itself
_STRAYING = Augmentation(rotation=7.0, scale=0.1, shift=0.05, log_gamma=0.25)
_CHUNK = 256  # images
_ALONE = (0.985, 0.995)
"""Of the images within the limit of each distance, before both are moved together. Noise, text and
drawings lie far beyond the second, other parts of the body just beyond the first."""


@dataclass(frozen=True)
class Learned:
    """A reference, and what tells how it treats images that it does not know.

    ``unseen`` has for each training image's path the reference of the fold without its patient.
    """

    reference: ReferenceDistribution
    unseen: dict[Path, ReferenceDistribution]

    def knowing_nothing_of(self, image: Path) -> ReferenceDistribution:
        """Return a reference that saw no image of this image's patient."""
        return self.unseen.get(image, self.reference)


def learn(images: Sequence[TrainingImage]) -> Learned:
    """Learn a reference and its limits from images; deterministic."""
    views = _views(images)
    folds = GroupKFold(_FOLDS).split(views, groups=[image.patient for image in images])
    fitted, distances = [], np.empty((len(images), 2))
    for known, unknown in folds:
        reference = fit(views[known].reshape(-1, MAP_FEATURES))
        distances[unknown] = reference.distances(views[unknown, 0])
        fitted.append((reference, unknown))
    within, beyond = limits(distances)
    return Learned(
        reference=replace(
            fit(views.reshape(-1, MAP_FEATURES)), within_limit=within, beyond_limit=beyond
        ),
        unseen={
            images[place].path: limited
            for reference, unknown in fitted
            for limited in [replace(reference, within_limit=within, beyond_limit=beyond)]
            for place in unknown
        },
    )


def fit(features: NDArray[np.floating]) -> ReferenceDistribution:
    """Find the principal components of features, shape (M, 392); the limits are 1."""
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
    """Set both limits so that `LIKE` of the images lie within both; distances of shape (N, 2)."""
    alone = np.array([np.quantile(distances[:, place], _ALONE[place]) for place in (0, 1)])
    within, beyond = alone * np.quantile((distances / alone).max(axis=1), LIKE)
    return float(within), float(beyond)


def _views(images: Sequence[TrainingImage]) -> NDArray[np.float32]:
    """Compute the features of images, of random views of them, and of the mirror images of all.

    Returns
    -------
    Shape (images, 2 * (1 + views), 392); the image as it is comes first.
    """
    generator = torch.Generator().manual_seed(0)
    found = []
    for start in range(0, len(images), _CHUNK):
        inputs = model_inputs(images[start : start + _CHUNK])[:, 0]
        grey = ((inputs / MODEL_LIMIT + 1) * (255 / 2)).round().byte()
        seen = [inputs]
        for _ in range(_VIEWS):
            views, _mirrored = random_views(
                grey, side=MODEL_SIDE, limits=_STRAYING, generator=generator
            )
            seen.append((views[:, 0] * 2 - 1) * MODEL_LIMIT)
        found.append(np.stack([_both(maps(list(one.numpy()))) for one in seen], axis=1))
    views_first = np.concatenate(found)
    return views_first.reshape(len(images), -1, MAP_FEATURES)


def _both(images: Sequence[Maps]) -> NDArray[np.float32]:
    """List the features of images and of their mirror images, shape (N, 2, 392)."""
    return np.stack([[one.features, one.mirrored().features] for one in images])
