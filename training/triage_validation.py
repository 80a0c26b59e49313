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
        """Return the examples at these places."""
        groups = [self.groups[place] for place in places]
        return Examples(self.features[places], self.classes[places], groups, self.labels)


def predicted(examples: Examples, training: Places, test: Places) -> Numbers:
    """Return the probabilities of test examples by a fit on others, shape (test, labels)."""
    fitted = examples.at(training)
    layer = fit_layer(fitted.features, fitted.classes, fitted.groups, labels=examples.labels)
    return softmax(examples.features[test] @ layer.weight + layer.bias)


def by_patient(examples: Examples) -> Iterator[Numbers]:
    """Yield the probabilities of unseen patients' images for each repeat, shape (N, labels).

    No group is on both sides, neither of these folds nor of those in which a fit chooses.
    """
    for folds in splits_by_patient(examples):
        probabilities = np.empty((len(examples.classes), examples.labels))
        for training, test in folds:
            probabilities[test] = predicted(examples, training, test)
        yield probabilities


def splits_by_patient(examples: Examples) -> Iterator[list[tuple[Places, Places]]]:
    """Yield for each repeat the training and test images of each fold."""
    for seed in range(REPEATS):
        folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
        yield list(folds.split(examples.features, examples.classes, examples.groups))


def by_source(examples: Examples, images: TriageImages) -> Numbers:
    """Return the probabilities of each image by a fit without its source, shape (N, labels)."""
    probabilities = np.empty((len(examples.classes), examples.labels))
    for source in np.unique(images.sources):
        training, test = without_source(images, str(source))
        probabilities[test] = predicted(examples, training, test)
    return probabilities
