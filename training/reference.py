"""Learn the reference by which scores tell how like known frontal films an image is.

It is learned from the films that models are trained on, never from those of a scored patient.
The limits come from the distance of each training film to a reference that saw no film of its
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
from severity.reliability.likeness import FRONTAL, MAP_FEATURES, Maps, Reference, maps
from training.augmentation import Augmentation, random_views
from training.films import Film
from training.head import model_inputs

COMPONENTS = 22
"""From 20 to 26 tell the same laterals; with 16 a third of them passes."""
LIKE = 0.98
"""Of the training films, as seen by a reference that knows no film of their patient."""

_FOLDS = 5
_VIEWS = 3  # of each film beside itself
_STRAYING = Augmentation(rotation=7.0, scale=0.1, shift=0.05, log_gamma=0.25)
_CHUNK = 256  # films
_ALONE = (0.985, 0.995)
"""Of the films within the limit of each distance, before both are moved together. Noise, text and
drawings lie far beyond the second, other parts of the body just beyond the first."""


@dataclass(frozen=True)
class Learned:
    """A reference, and what tells how it treats films that it does not know.

    ``unseen`` has for each training film's path the reference of the fold without its patient.
    """

    reference: Reference
    unseen: dict[Path, Reference]

    def knowing_nothing_of(self, film: Path) -> Reference:
        """Return a reference that saw no film of this film's patient."""
        return self.unseen.get(film, self.reference)


def learn(films: Sequence[Film]) -> Learned:
    """Learn a reference and its limits from films; deterministic."""
    views = _views(films)
    folds = GroupKFold(_FOLDS).split(views, groups=[film.patient for film in films])
    fitted, distances = [], np.empty((len(films), 2))
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
            films[place].path: limited
            for reference, unknown in fitted
            for limited in [replace(reference, within_limit=within, beyond_limit=beyond)]
            for place in unknown
        },
    )


def fit(features: NDArray[np.floating]) -> Reference:
    """Find the principal components of features, shape (M, 392); the limits are 1."""
    mean = features.mean(axis=0)
    variances, directions = np.linalg.eigh(np.cov(features.astype(np.float64).T))
    components = directions.T[::-1][:COMPONENTS]
    # Either sign is right; the largest entry decides, so that all machines find the same.
    largest = np.abs(components).argmax(axis=1)
    components = components * np.sign(components[np.arange(len(components)), largest])[:, None]
    return Reference(
        name=FRONTAL,
        mean=mean.astype(np.float32),
        components=np.ascontiguousarray(components, dtype=np.float32),
        deviations=np.sqrt(variances[::-1][:COMPONENTS]).astype(np.float32),
        within_limit=1.0,
        beyond_limit=1.0,
    )


def limits(distances: NDArray[np.floating]) -> tuple[float, float]:
    """Set both limits so that `LIKE` of the films lie within both; distances of shape (N, 2)."""
    alone = np.array([np.quantile(distances[:, place], _ALONE[place]) for place in (0, 1)])
    within, beyond = alone * np.quantile((distances / alone).max(axis=1), LIKE)
    return float(within), float(beyond)


def _views(films: Sequence[Film]) -> NDArray[np.float32]:
    """Compute the features of films, of random views of them, and of the mirror images of all.

    Returns
    -------
    Shape (films, 2 * (1 + views), 392); the film as it is comes first.
    """
    generator = torch.Generator().manual_seed(0)
    found = []
    for start in range(0, len(films), _CHUNK):
        inputs = model_inputs(films[start : start + _CHUNK])[:, 0]
        grey = ((inputs / MODEL_LIMIT + 1) * (255 / 2)).round().byte()
        seen = [inputs]
        for _ in range(_VIEWS):
            views, _mirrored = random_views(
                grey, side=MODEL_SIDE, limits=_STRAYING, generator=generator
            )
            seen.append((views[:, 0] * 2 - 1) * MODEL_LIMIT)
        found.append(np.stack([_both(maps(list(one.numpy()))) for one in seen], axis=1))
    views_first = np.concatenate(found)
    return views_first.reshape(len(films), -1, MAP_FEATURES)


def _both(images: Sequence[Maps]) -> NDArray[np.float32]:
    """List the features of images and of their mirror images, shape (N, 2, 392)."""
    return np.stack([[one.features, one.mirrored().features] for one in images])
