"""What every network of this project is to the rest of it."""

from abc import ABC, abstractmethod
from enum import StrEnum
from typing import TYPE_CHECKING

from torch import Tensor, nn

from severity.heads.head import HeadInput

if TYPE_CHECKING:
    from openvino import Node


class Precision(StrEnum):
    """Arithmetic of a network; part of a model version."""

    FP32 = "fp32"
    BF16 = "bf16"


class Backbone(nn.Module, ABC):
    """A network without a head: images in, features and the logits of findings out.

    ``gives`` names the outputs in their order; ``findings`` names the columns of the logits,
    empty where one means nothing.
    """

    gives: tuple[HeadInput, ...]
    findings: tuple[str, ...] = ()

    @abstractmethod
    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Map (N, 1, 224, 224) on [-1024, 1024] to the outputs, shape (N, width) each."""

    @abstractmethod
    def in_openvino(self, images: "Node") -> tuple["Node", ...]:
        """Append the same to a graph; see `severity.models.openvino_graph`."""
