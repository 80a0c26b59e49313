"""The distance of an image from the frontal images that scores rest on.

A network scores anything: a lateral, a knee, a page of text. Its features do not reveal them, since
it was trained to ignore all but the severity; the places of light and dark in its input do. So an
image is reduced to two maps of 14 x 14 blocks, the ranks of each block's mean and of its detail,
and compared with the first principal components of known images.
Two distances count. One is that within the components, each in its own standard deviations
(Mahalanobis). The other is what the components leave over: the Q residual of Jackson and
Mudholkar (1979), Technometrics 21, 341-349. Text and noise also have more grain than any film.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from severity.domain import DistributionCheck, OutOfDistribution
from severity.errors import WrongWeights
from severity.images.preprocessing import PREPROCESSING
from severity.reliability.blocks import MAP_FEATURES, Maps, maps

FRONTAL = "frontal-2"
"""The reference distribution that comes with the package."""

LEAST_GREYS = 3 / 8
"""Of the way from black to white: an image whose greys fill less is flagged. Pixels of 14 bits that
a header calls 16 fill a quarter; the darkest of 575 images of the COVID-19 Image Data Collection,
0.40."""
_RIGHTED = 0.95  # distance below which the negative, or the rotated image, is in distribution
MOST_GRAIN = 1.75
"""Detail of one pixel relative to that of four, from which an image is no radiograph: 1.5 in the
most grainy of 2,963 films, 1.9 and more in text, 3.8 and more in noise."""
_NO_RADIOGRAPH = 1.5  # beyond the components; laterals and other parts of the body leave less over
_DESCRIPTION = "cxr-severity-reference"
_FORMAT = 2
"""1 had features that were no ranks: its distances are of another kind."""


@dataclass(frozen=True, eq=False)
class ReferenceDistribution:
    """The distribution of known frontal images, and how far from it an image may be.

    Attributes
    ----------
    mean
        Shape (392,), of the images' features.
    components
        Shape (K, 392), orthonormal rows.
    deviations
        Shape (K,), standard deviation of the images along each.
    within_limit
        Of the distance within the components, in standard deviations.
    beyond_limit
        Of what they leave over, in units of the features.

    Raises
    ------
    WrongWeights
        The numbers describe no distribution.
    """

    name: str
    mean: NDArray[np.float32]
    components: NDArray[np.float32]
    deviations: NDArray[np.float32]
    within_limit: float
    beyond_limit: float

    def __post_init__(self) -> None:
        count = len(self.deviations)
        shapes = (self.mean.shape, self.components.shape, self.deviations.shape)
        if (
            shapes != ((MAP_FEATURES,), (count, MAP_FEATURES), (count,))
            or not 0 < count < MAP_FEATURES
        ):
            raise WrongWeights(f"a reference has no arrays of shapes {shapes}")
        limits = (self.within_limit, self.beyond_limit)
        parts = (self.mean, self.components, self.deviations, limits)
        if not all(np.isfinite(part).all() for part in parts):
            raise WrongWeights("the reference holds numbers that are not finite")
        if min(*limits, self.deviations.min()) <= 0:
            raise WrongWeights("the reference's limits and deviations must be positive")

    @cached_property
    def key(self) -> str:
        """A name that changes whenever anything that moves a distance does."""
        return f"{self.name}-{hashlib.sha256(to_safetensors(self)).hexdigest()[:8]}"

    def check(self, inputs: Sequence[NDArray[np.float32]]) -> list[DistributionCheck]:
        """Return each image's distance, and the reason if it is out of distribution.

        Parameters
        ----------
        inputs
            N model inputs, as for `maps`.
        """
        return self.checks_of(maps(inputs))

    def checks_of(self, images: Sequence[Maps]) -> list[DistributionCheck]:
        """Check images that are reduced to maps already."""
        return [self._check(image) for image in images]

    def distances(self, features: NDArray[np.floating]) -> NDArray[np.floating]:
        """Compute both distances, in units of their limits.

        Parameters
        ----------
        features
            Shape (..., 392).

        Returns
        -------
        Shape (..., 2): within the components, and beyond.
        """
        offset = features - self.mean
        coordinates = offset @ self.components.T
        within = np.sqrt(((coordinates / self.deviations) ** 2).mean(-1))
        left_over = offset - coordinates @ self.components
        beyond = np.sqrt((left_over**2).mean(-1))
        relative: NDArray[np.floating] = np.stack(
            [within / self.within_limit, beyond / self.beyond_limit], -1
        )
        return relative

    def _check(self, image: Maps) -> DistributionCheck:
        within, beyond = self.distances(image.features).tolist()
        grain = image.grain / MOST_GRAIN
        distance = max(within, beyond, grain)
        if distance <= 1:
            reason = OutOfDistribution.LOW_CONTRAST if image.greys < LEAST_GREYS else None
            return DistributionCheck(self.key, distance, reason)
        is_texture = beyond > min(within, _NO_RADIOGRAPH)
        reason = OutOfDistribution.TEXTURE if grain > 1 else self._reason(image, texture=is_texture)
        return DistributionCheck(self.key, distance, reason)

    def _reason(self, image: Maps, *, texture: bool) -> OutOfDistribution:
        righted = [(image.inverted(), OutOfDistribution.INVERTED)]
        righted += [(image.rotated(quarters), OutOfDistribution.ROTATED) for quarters in (1, 2, 3)]
        distances = self.distances(np.stack([variant.features for variant, _ in righted])).max(-1)
        nearest = int(distances.argmin())
        if distances[nearest] <= _RIGHTED:
            return righted[nearest][1]
        return OutOfDistribution.TEXTURE if texture else OutOfDistribution.LAYOUT


def to_safetensors(reference: ReferenceDistribution) -> bytes:
    """Serialise a reference distribution; equal ones have equal bytes."""
    description = {
        "format": _FORMAT,
        "name": reference.name,
        "preprocessing": PREPROCESSING,
        "within_limit": reference.within_limit,
        "beyond_limit": reference.beyond_limit,
    }
    tensors = {name: getattr(reference, name) for name in ("mean", "components", "deviations")}
    return save(tensors, {_DESCRIPTION: json.dumps(description, sort_keys=True)})


def from_safetensors(content: bytes) -> ReferenceDistribution:
    """Read a reference distribution that `to_safetensors` wrote.

    Raises
    ------
    WrongWeights
        The content is anything else, or is for images that are prepared in another way.
    """
    try:
        tensors = load(content)
        # The library reads a file's metadata only from a path; its header is JSON.
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        description = json.loads(header["__metadata__"][_DESCRIPTION])
        _check(description, tensors)
        return ReferenceDistribution(
            name=str(description["name"]),
            mean=tensors["mean"],
            components=tensors["components"],
            deviations=tensors["deviations"],
            within_limit=float(description["within_limit"]),
            beyond_limit=float(description["beyond_limit"]),
        )
    except (SafetensorError, LookupError, TypeError, ValueError, RecursionError) as error:
        raise WrongWeights(f"not a reference as this program writes it: {error}") from error


def _check(description: Mapping[str, object], tensors: Mapping[str, NDArray[np.generic]]) -> None:
    if description["format"] != _FORMAT:
        raise WrongWeights(f"the reference has format {description['format']!r}, not {_FORMAT}")
    if description["preprocessing"] != PREPROCESSING:
        raise WrongWeights(f"the reference is for preprocessing {description['preprocessing']}")
    kinds = {tensor.dtype.name for tensor in tensors.values()}
    if kinds != {"float32"}:
        raise WrongWeights(f"the reference's numbers are {', '.join(sorted(kinds))}, not float32")


@cache
def frontal_distribution() -> ReferenceDistribution:
    """Load the reference distribution that comes with the package, once.

    Raises
    ------
    WrongWeights
        The installed file is not the one that its card names.
    """
    folder = resources.files("severity") / "weights"
    content = (folder / f"{FRONTAL}.safetensors").read_bytes()
    expected = json.loads((folder / f"{FRONTAL}.json").read_text(encoding="utf-8"))["sha256"]
    actual = hashlib.sha256(content).hexdigest()
    if actual != expected:
        raise WrongWeights(
            f"the reference {FRONTAL} has SHA-256 {actual}, not {expected}: reinstall the package"
        )
    return from_safetensors(content)
