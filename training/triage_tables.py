"""The tables of triage's evaluation, as Markdown."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from severity.heads.triage import CLASSES, TriageClass
from training.triage_images import TriageImages
from training.triage_measures import (
    Measured,
    Numbers,
    Weights,
    auroc,
    balanced_accuracy,
    brier,
    calibration_error,
    confusion,
    measured,
    recalls,
    resamples,
)
from training.triage_validation import Examples, by_patient, by_source

NAMES = {
    TriageClass.NO_FINDING: "no finding",
    TriageClass.OTHER_PNEUMONIA: "other pneumonia",
    TriageClass.COVID_19: "COVID-19",
}

_TITLES = tuple(NAMES[triage_class] for triage_class in CLASSES)

Chosen = NDArray[np.bool_]
Measure = Callable[[Numbers, Chosen], Numbers]
"""From probabilities (N, 3) and the images to measure to a number for each resample."""


@dataclass(frozen=True)
class Network:
    """Probabilities from a network's features, for images that the fit has not seen."""

    name: str
    features: Numbers
    by_patient: tuple[Numbers, ...]
    """Probabilities for each repeat, shape (N, 3)."""
    by_source: Numbers
    """Probabilities by fits without an image's source, shape (N, 3)."""

    @classmethod
    def of(cls, name: str, features: Numbers, images: TriageImages) -> "Network":
        """Run both validations of a network."""
        examples = Examples(features, images.classes, images.groups)
        return cls(name, features, tuple(by_patient(examples)), by_source(examples, images))


def count_table(images: TriageImages) -> Iterator[str]:
    """Count images by source and class."""
    yield _row(["source", *_TITLES])
    yield _rule(1 + len(_TITLES))
    for source, counts in images.counts().items():
        yield _row([source, *counts])


def overall_table(networks: Sequence[Network], images: TriageImages) -> Iterator[str]:
    """Compare the measures by patient with those without the image's source."""
    classes, weights = images.classes, resamples(images.groups)
    measures: dict[str, Callable[[Numbers], Numbers]] = {
        "balanced accuracy": lambda p: balanced_accuracy(p, classes, weights),
        **{
            f"AUROC, {title}": _auroc_of(place, images, weights)
            for place, title in enumerate(_TITLES)
        },
        "Brier score (0 best, 2 worst)": lambda p: brier(p, classes, weights),
        "calibration error": lambda p: calibration_error(p, classes, weights),
    }
    yield _row(["measure", *(f"{network.name}: {way}" for network in networks for way in _WAYS)])
    yield _rule(1 + len(_WAYS) * len(networks))
    for title, measure in measures.items():
        cells = [
            measured([measure(probabilities) for probabilities in way])
            for network in networks
            for way in (network.by_patient, (network.by_source,))
        ]
        yield _row([title, *cells])


def confusion_table(network: Network, images: TriageImages) -> Iterator[str]:
    """Count images by class and likeliest class, by patient and without the source."""
    ways = (network.by_patient[0], network.by_source)
    counts = [confusion(probabilities, images.classes) for probabilities in ways]
    yield _row(["class", *(f"{way}: {title}" for way in _WAYS for title in _TITLES)])
    yield _rule(1 + len(_WAYS) * len(_TITLES))
    for title, *rows in zip(_TITLES, *counts, strict=True):
        yield _row([title, *np.concatenate(rows)])


def source_table(network: Network, images: TriageImages) -> Iterator[str]:
    """Compare recall and AUROC on the images of each source, for the classes that it has."""
    yield _row(["images of", "class", "images", *_SOURCE_COLUMNS])
    yield _rule(3 + len(_SOURCE_COLUMNS))
    for title, chosen in _parts(images).items():
        part = _Part(images, chosen)
        ways = (network.by_patient, (network.by_source,))
        present = np.unique(images.classes[chosen])
        for place in present:
            of_class = int((images.classes[chosen] == place).sum())
            recalled = [part.recall(way, int(place)) for way in ways]
            ranked = [part.auroc(way, int(place)) if len(present) > 1 else "none" for way in ways]
            yield _row([title, _TITLES[place], of_class, *recalled, *ranked])
        if len(present) > 1:
            mean = [part.balanced_accuracy(way) for way in ways]
            yield _row([title, "all (mean)", int(chosen.sum()), *mean, "", ""])


def readable_source_table(networks: Sequence[Network], images: TriageImages) -> Iterator[str]:
    """Measure how well an image's source is read from its features, also within one class."""
    yield _row(["which source?", "images", "chance", *(network.name for network in networks)])
    yield _rule(3 + len(networks))
    for title, chosen in _questions(images).items():
        names, sources = np.unique(images.sources[chosen], return_inverse=True)
        groups = [group for group, inside in zip(images.groups, chosen, strict=True) if inside]
        weights = resamples(groups)
        accuracies = []
        for network in networks:
            examples = Examples(network.features[chosen], sources, groups, labels=len(names))
            guesses = by_patient(examples)
            accuracies.append(
                measured([balanced_accuracy(guess, sources, weights) for guess in guesses])
            )
        asked = f"{title}: {' or '.join(names)}"
        yield _row([asked, int(chosen.sum()), f"{1 / len(names):.2f}", *accuracies])


_WAYS = ("by patient", "without its source")
_SOURCE_COLUMNS = (
    *(f"recall, {way}" for way in _WAYS),
    *(f"AUROC within the source, {way}" for way in _WAYS),
)


class _Part:
    """Measures on some of the images."""

    def __init__(self, images: TriageImages, chosen: Chosen) -> None:
        self._chosen = chosen
        self._classes = images.classes[chosen]
        groups = [group for group, inside in zip(images.groups, chosen, strict=True) if inside]
        self._weights = resamples(groups)

    def recall(self, way: Sequence[Numbers], place: int) -> Measured:
        return measured(
            [recalls(p[self._chosen], self._classes, self._weights)[:, place] for p in way]
        )

    def balanced_accuracy(self, way: Sequence[Numbers]) -> Measured:
        return measured(
            [balanced_accuracy(p[self._chosen], self._classes, self._weights) for p in way]
        )

    def auroc(self, way: Sequence[Numbers], place: int) -> Measured:
        positive = self._classes == place
        return measured([auroc(p[self._chosen, place], positive, self._weights) for p in way])


def _parts(images: TriageImages) -> Mapping[str, Chosen]:
    scored = np.array([image.score is not None for image in images.images])
    by_name = {str(source): images.sources == source for source in np.unique(images.sources)}
    return {**by_name, "cidc, with readers' scores": scored}


def _questions(images: TriageImages) -> Mapping[str, Chosen]:
    """Choose images that a single source has published: the others have no single answer."""
    sources_of: dict[str, set[str]] = {}
    for image, group in zip(images.images, images.groups, strict=True):
        sources_of.setdefault(group, set()).add(image.source)
    alone = np.array([len(sources_of[group]) == 1 for group in images.groups])
    by_class = {title: alone & (images.classes == place) for place, title in enumerate(_TITLES)}
    return {"all images": alone, **by_class}


def _auroc_of(place: int, images: TriageImages, weights: Weights) -> Callable[[Numbers], Numbers]:
    return lambda p: auroc(p[:, place], images.classes == place, weights)


def _row(cells: Sequence[object]) -> str:
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def _rule(columns: int) -> str:
    return "|" + "---|" * columns
