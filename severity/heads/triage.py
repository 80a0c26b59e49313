"""Triage: how probable it is that an image shows no finding, another pneumonia or COVID-19.

It is stored with a score and has no part in it. Public images of these classes come from
different places, so that the probabilities follow the place as much as the disease; the model
card has the numbers. Research use only, not for diagnosis.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from severity.errors import WrongWeights
from severity.heads.head import Layer

WEIGHT, BIAS = "triage.weight", "triage.bias"
"""Names of the tensors in a model's file."""


class TriageClass(StrEnum):
    """What an image may show, in the order of the probabilities. Codes are stable."""

    NO_FINDING = "no_finding"
    OTHER_PNEUMONIA = "other_pneumonia"
    COVID_19 = "covid_19"


CLASSES = tuple(TriageClass)


@dataclass(frozen=True, eq=False)
class Triage:
    """One linear layer on a backbone's features, followed by a softmax.

    The temperature that calibrates the probabilities is divided into the layer. They hold where
    each class is equally frequent.

    Raises
    ------
    WrongWeights
        The layer does not end in one number for each of `CLASSES`.
    """

    layer: Layer

    def __post_init__(self) -> None:
        if self.layer.outputs != len(CLASSES):
            raise WrongWeights(
                f"triage has {len(CLASSES)} classes, but its layer has {self.layer.outputs}"
            )

    @classmethod
    def of(cls, tensors: Mapping[str, NDArray[np.float32]]) -> "Triage | None":
        """Read a triage from the tensors of a model's file; None where there is none.

        Raises
        ------
        WrongWeights
            Only one of the two is present, or their shapes are not (3, F) and (3,).
        """
        weight, bias = tensors.get(WEIGHT), tensors.get(BIAS)
        if weight is None and bias is None:
            return None
        if weight is None or bias is None:
            raise WrongWeights(f"{WEIGHT} and {BIAS} belong together, but one is missing")
        return cls(Layer(weight.T, bias))

    def tensors(self) -> dict[str, NDArray[np.float32]]:
        """Return the tensors to store: ``triage.weight`` (3, F) and ``triage.bias`` (3,)."""
        return {WEIGHT: np.ascontiguousarray(self.layer.weight.T), BIAS: self.layer.bias.copy()}

    @property
    def inputs(self) -> int:
        """The number of features that it needs for each image."""
        return self.layer.inputs

    def probabilities(self, features: NDArray[np.floating]) -> NDArray[np.float64]:
        """Compute how probable each class is.

        Parameters
        ----------
        features
            Shape (N, F), from the backbone that the layer was fitted on.

        Returns
        -------
        Shape (N, 3), in the order of `CLASSES`; each row sums to one.

        Raises
        ------
        ValueError
            ``features`` has another shape.
        """
        if features.ndim != 2 or features.shape[1] != self.inputs:  # noqa: PLR2004
            raise ValueError(f"triage needs (N, {self.inputs}), not {features.shape}")
        return softmax(features.astype(np.float64) @ self.layer.weight + self.layer.bias)

    def by_class(self, features: NDArray[np.floating]) -> list[dict[str, float]]:
        """Return the probabilities of each image by class; see `probabilities`."""
        rows = self.probabilities(features).tolist()
        return [{name.value: p for name, p in zip(CLASSES, row, strict=True)} for row in rows]


def softmax(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """Turn logits into probabilities, shape (N, classes); each row sums to one."""
    # Without the largest one the exponential of a far-away image would overflow.
    powers = np.exp(np.asarray(logits, dtype=np.float64) - logits.max(axis=1, keepdims=True))
    shares: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return shares
