"""Whether an image's processing is unlike that of the images that models were trained on.

Vendors enhance local contrast, each in its own way and strength, and a network has seen only some.
What an image shows does not matter here: two numbers say how strong detail is
(`severity.reliability.contrasts`), and their distance from known images is that of Mahalanobis.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache, cached_property
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from severity.domain import ProcessingCheck, UnlikeProcessing
from severity.errors import WrongWeights
from severity.images.preprocessing import PREPROCESSING
from severity.reliability.blocks import Maps

PROCESSING = "processing-1"
"""The reference of processing that comes with the package."""

_CONTRASTS = 2


@dataclass(frozen=True)
class ProcessingReference:
    """The contrasts of known images, and how far from them an image may be.

    Attributes
    ----------
    mean
        Of the two contrasts.
    covariance
        Of them, by rows.
    limit
        Of the distance, in standard deviations (their root mean square over both directions).

    Raises
    ------
    WrongWeights
        The numbers describe no distribution.
    """

    name: str
    mean: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]
    limit: float

    def __post_init__(self) -> None:
        covariance = np.array(self.covariance)
        if len(self.mean) != _CONTRASTS or covariance.shape != (_CONTRASTS, _CONTRASTS):
            raise WrongWeights(f"a reference of processing has {_CONTRASTS} contrasts")
        if not np.isfinite([*self.mean, *covariance.ravel(), self.limit]).all():
            raise WrongWeights("the reference of processing holds numbers that are not finite")
        if self.limit <= 0 or np.linalg.eigvalsh(covariance).min() <= 0:
            raise WrongWeights("the limit and the covariance of processing must be positive")

    @cached_property
    def key(self) -> str:
        """A name that changes whenever anything that moves a distance does."""
        content = json.dumps(asdict(self), sort_keys=True).encode()
        return f"{self.name}-{hashlib.sha256(content).hexdigest()[:8]}"

    def distances(self, contrasts: NDArray[np.floating]) -> NDArray[np.float64]:
        """Compute the distance, in units of the limit, of contrasts of shape (..., 2)."""
        offset = contrasts - np.array(self.mean)
        squares = (offset @ self._inverse * offset).sum(-1) / _CONTRASTS
        relative: NDArray[np.float64] = np.sqrt(squares) / self.limit
        return relative

    def checks_of(self, images: Sequence[Maps]) -> list[ProcessingCheck]:
        """Check images that are reduced to maps."""
        return [self._check(image) for image in images]

    @cached_property
    def _inverse(self) -> NDArray[np.float64]:
        inverse: NDArray[np.float64] = np.linalg.inv(np.array(self.covariance))
        return inverse

    def _check(self, image: Maps) -> ProcessingCheck:
        distance = float(self.distances(image.contrasts))
        if distance <= 1:
            return ProcessingCheck(self.key, distance)
        detail, large = (image.contrasts - np.array(self.mean)) / np.sqrt(np.diag(self.covariance))
        is_enhanced = detail > large
        return ProcessingCheck(
            self.key,
            distance,
            UnlikeProcessing.ENHANCED if is_enhanced else UnlikeProcessing.FLAT,
        )


def processing_to_json(reference: ProcessingReference) -> dict[str, object]:
    """Return what a file of the reference holds."""
    return {**asdict(reference), "preprocessing": PREPROCESSING}


def processing_from_json(content: bytes) -> ProcessingReference:
    """Read a reference of processing.

    Raises
    ------
    WrongWeights
        The content is anything else, or is for images that are prepared in another way.
    """
    try:
        values = json.loads(content)
        if values["preprocessing"] != PREPROCESSING:
            raise WrongWeights(f"processing is for preprocessing {values['preprocessing']}")
        return ProcessingReference(
            str(values["name"]),
            tuple(map(float, values["mean"])),
            tuple(tuple(map(float, row)) for row in values["covariance"]),
            float(values["limit"]),
        )
    except (LookupError, TypeError, ValueError, RecursionError) as error:
        raise WrongWeights(f"not a reference of processing: {error}") from error


@cache
def known_processing() -> ProcessingReference:
    """Load the reference that comes with the package, once.

    Raises
    ------
    WrongWeights
        The installed file is no such reference.
    """
    folder = resources.files("severity") / "weights"
    return processing_from_json((folder / f"{PROCESSING}.json").read_bytes())
