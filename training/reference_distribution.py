"""Learn the reference distribution of frontal images, from which distances are measured.

It is learned from the films that ``compact-3`` learned from. The limits come from the distance of
each film to a reference that saw no film of its source, since that is what every other hospital is.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import compress
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from severity.images.preprocessing import MODEL_LIMIT
from severity.images.resizing import MODEL_SIDE
from severity.reliability import FRONTAL, MAP_FEATURES, Maps, ReferenceDistribution, maps
from training.augmentation import Augmentation, random_views
from training.compact_3.alterations import bordered
from training.compact_3.films import Film, development_films, hannover_films
from training.head import model_inputs
from training.images import TrainingImage

SQUEEZED = ("montgomery", "shenzhen")
"""Sources that published their films as squares, whatever their proportions were: no limit is
from them."""
HANNOVER = "hannover"

_VIEWS = 3  # random ones of each image, besides itself
_VIEW_LIMITS = Augmentation(rotation=7.0, scale=0.1, shift=0.05, log_gamma=0.25)
_BORDERS = 0.02, 0.1  # shares of each side
_CHUNK = 256  # images
_ALONE = (0.985, 0.995)
"""Shares of the images within each limit alone, before both are moved together. Noise, text and
drawings lie far beyond the second, other parts of the body just beyond the first."""
_FEWEST = 20  # films of one source and view, of which a share says something


@dataclass(frozen=True)
class Setting:
    """What was chosen by comparison: see ``training.out_of_distribution``.

    ``within`` is the share of films of a source never seen that lie within both limits; each view
    of each source counts the same.
    """

    components: int = 28
    within: float = 0.98


CHOSEN = Setting()


@dataclass(frozen=True, eq=False)
class KnownFilms:
    """Films with the features of random views, and the sources that they are from.

    Attributes
    ----------
    views
        Shape (N, views, 392); the film as it is comes first.
    of_source
        Shape (N,) each: a source's films and all copies of them, in whatever collection.
    """

    films: Sequence[Film]
    views: NDArray[np.float32]
    of_source: Mapping[str, NDArray[np.bool_]] = field(repr=False)

    def chosen(self, which: NDArray[np.bool_]) -> list[Film]:
        """Return the films that are chosen by a mask, shape (N,)."""
        return list(compress(self.films, which))

    def without(self, source: str) -> NDArray[np.bool_]:
        """Return which films are of patients of whom that source has none, shape (N,)."""
        patients = {film.patient for film in self.chosen(self.of_source[source])}
        return np.array([film.patient not in patients for film in self.films])

    def measured(self, source: str) -> NDArray[np.bool_]:
        """Return which films stand for a source, shape (N,): one of each exposure.

        The films of ``cidc`` that Hannover took are measured with either of both.
        """
        is_cxnet = np.array([film.source == "cxnet" for film in self.films])
        is_copy = np.array([film.copy for film in self.films])
        measured: NDArray[np.bool_] = (
            self.of_source[source] & ~is_copy & (is_cxnet == (source == "cxnet"))
        )
        return measured


def known_films(data: Path) -> KnownFilms:
    """Read all development films, with their random views and sources; takes a minute."""
    films = development_films(data)
    return KnownFilms(films, views_of(films), sources_of(films, data))


def sources_of(films: Sequence[Film], data: Path) -> dict[str, NDArray[np.bool_]]:
    """Return which films are from each source, or copies of its films."""
    hannover = hannover_films(data)
    members = {
        "cidc": [film.source in ("cidc", "masks") or _is_copy_of_cidc(film) for film in films],
        HANNOVER: [film.path in hannover for film in films],
    } | {
        source: [film.source == source for film in films] for source in ("nih", "cxnet", *SQUEEZED)
    }
    return {source: np.array(belongs) for source, belongs in members.items()}


def _is_copy_of_cidc(film: Film) -> bool:
    return film.copy and film.patient.startswith("cidc-")


def learn(
    known: KnownFilms, among: NDArray[np.bool_] | None = None, setting: Setting = CHOSEN
) -> ReferenceDistribution:
    """Learn a reference distribution and its limits from films; deterministic.

    Parameters
    ----------
    among
        Which films may be seen at all, shape (N,); all if None.
    """
    allowed = np.ones(len(known.films), dtype=bool) if among is None else among
    views = known.views
    distances, kinds = [], []
    for source in known.of_source:
        tested = allowed & known.measured(source)
        if source in SQUEEZED or not tested.any():
            continue
        reference = fit(views[allowed & known.without(source)], setting.components)
        distances.append(reference.distances(views[tested, 0]))
        kinds += [(source, film.view) for film in known.chosen(tested)]
    reference = fit(views[allowed], setting.components)
    within, beyond = limits(np.concatenate(distances), kinds, within=setting.within)
    return replace(reference, within_limit=within, beyond_limit=beyond)


def fit(features: NDArray[np.floating], count: int) -> ReferenceDistribution:
    """Compute the first principal components of features, shape (..., 392); the limits are 1."""
    rows = features.reshape(-1, MAP_FEATURES)
    variances, directions = np.linalg.eigh(np.cov(rows.astype(np.float64).T))
    components = directions.T[::-1][:count]
    # Either sign is right; the largest entry decides, so that all machines find the same.
    largest = np.abs(components).argmax(axis=1)
    components = components * np.sign(components[np.arange(len(components)), largest])[:, None]
    return ReferenceDistribution(
        name=FRONTAL,
        mean=rows.mean(axis=0).astype(np.float32),
        components=np.ascontiguousarray(components, dtype=np.float32),
        deviations=np.sqrt(variances[::-1][:count]).astype(np.float32),
        within_limit=1.0,
        beyond_limit=1.0,
    )


def limits(
    distances: NDArray[np.floating], kinds: Sequence[tuple[str, str]], *, within: float
) -> tuple[float, float]:
    """Set both limits so that this share of the films lies within both; each kind counts the same.

    Parameters
    ----------
    distances
        Shape (N, 2).
    kinds
        The source and view of each film; those of few films are left out.
    """
    weights = weights_of(kinds)
    alone = np.array([quantile(distances[:, i], share, weights) for i, share in enumerate(_ALONE)])
    together = quantile((distances / alone).max(axis=1), within, weights)
    within_limit, beyond_limit = alone * together
    return float(within_limit), float(beyond_limit)


def weights_of(kinds: Sequence[tuple[str, str]]) -> NDArray[np.float64]:
    """Return the weight of each film, by which all kinds count the same; 0 of kinds of few."""
    films = Counter(kinds)
    return np.array([1 / films[kind] if films[kind] >= _FEWEST else 0.0 for kind in kinds])


def quantile(values: NDArray[np.floating], share: float, weights: NDArray[np.floating]) -> float:
    """Return the least value that this share of the weight does not exceed."""
    return float(np.quantile(values, share, weights=weights, method="inverted_cdf"))


def inputs_of(films: Sequence[Film]) -> NDArray[np.float32]:
    """Prepare films as for scoring, shape (N, 224, 224)."""
    images = [TrainingImage(film.path, film.source, film.patient) for film in films]
    prepared: NDArray[np.float32] = model_inputs(images)[:, 0].numpy()
    return prepared


def views_of(films: Sequence[Film]) -> NDArray[np.float32]:
    """Compute the features of films, of views of them, and of the mirror images of all.

    A view is random, or lies inside a black border of random width: many are published so.

    Returns
    -------
    Shape (films, 2 * (2 + random views), 392); the film as it is comes first.
    """
    generator = torch.Generator().manual_seed(0)
    borders = np.random.default_rng(0)
    chunks = []
    for start in range(0, len(films), _CHUNK):
        inputs = torch.from_numpy(inputs_of(films[start : start + _CHUNK]))
        grey = ((inputs / MODEL_LIMIT + 1) * (255 / 2)).round().byte()
        versions = [inputs]
        for _ in range(_VIEWS):
            views, _mirrored = random_views(
                grey, side=MODEL_SIDE, limits=_VIEW_LIMITS, generator=generator
            )
            versions.append((views[:, 0] * 2 - 1) * MODEL_LIMIT)
        versions.append(_inside_borders(inputs, borders.uniform(*_BORDERS, size=len(inputs))))
        features = [_with_mirrored(maps(list(version.numpy()))) for version in versions]
        chunks.append(np.stack(features, axis=1))
    return np.concatenate(chunks).reshape(len(films), -1, MAP_FEATURES)


def _inside_borders(inputs: Tensor, shares: NDArray[np.float64]) -> Tensor:
    """Shrink each image into a black border of this share of each side, shape (N, 224, 224)."""
    light = (inputs / MODEL_LIMIT + 1) / 2
    framed = [
        bordered(image[None, None], share, 0.0)
        for image, share in zip(light, shares.tolist(), strict=True)
    ]
    return (torch.cat(framed)[:, 0] * 2 - 1) * MODEL_LIMIT


def _with_mirrored(images: Sequence[Maps]) -> NDArray[np.float32]:
    """Return the features of images and of their mirror images, shape (N, 2, 392)."""
    return np.stack([[image.features, image.mirrored().features] for image in images])
