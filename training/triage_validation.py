"""Probabilities of images that a fit has not seen: by patient, and by source."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold

from severity.heads.triage import CLASSES, softmax
from training.triage_fit import fit_layer
from training.triage_images import Places, TriageImages, without_source

FOLDS = 5
REPEATS = 3

Numbers = NDArray[np.floating]


@dataclass(frozen=True)
class Examples:
    """Features (N, F), classes (N,) from 0 to ``labels`` - 1, and groups (N,)."""

    features: Numbers
    classes: Places
    groups: Sequence[str]
    labels: int = len(CLASSES)

    def at(self, places: Places) -> "Examples":
        """Pick some of them."""
        groups = [self.groups[place] for place in places]
        return Examples(self.features[places], self.classes[places], groups, self.labels)


def predicted(examples: Examples, kept: Places, left: Places) -> Numbers:
    """Fit on some examples, and return the probabilities of others, shape (left, labels)."""
    fitted = examples.at(kept)
    layer = fit_layer(fitted.features, fitted.classes, fitted.groups, labels=examples.labels)
    return softmax(examples.features[left] @ layer.weight + layer.bias)


def by_patient(examples: Examples) -> Iterator[Numbers]:
    """Yield the probabilities of unseen patients' images for each repeat, shape (N, labels).

    No group is on both sides, neither of the folds here nor of those in which a fit chooses.
    """
    for kept_and_left in splits_by_patient(examples):
        found = np.empty((len(examples.classes), examples.labels))
        for kept, left in kept_and_left:
            found[left] = predicted(examples, kept, left)
        yield found


def splits_by_patient(examples: Examples) -> Iterator[list[tuple[Places, Places]]]:
    """Yield for each repeat the images that are fitted on and those that are left, of each fold."""
    for seed in range(REPEATS):
        folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
        yield list(folds.split(examples.features, examples.classes, examples.groups))


def by_source(examples: Examples, images: TriageImages) -> Numbers:
    """Return the probabilities of each image by a fit without its source, shape (N, labels)."""
    found = np.empty((len(examples.classes), examples.labels))
    for source in np.unique(images.sources):
        kept, left = without_source(images, str(source))
        found[left] = predicted(examples, kept, left)
    return found
