"""The questions that a backbone is trained to answer on each image, and their weights."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from training.images import BRIXIA_ZONES, OUTCOMES, TrainingImage

FINDINGS = (
    "Atelectasis",
    "Cardiomegaly",
    "Consolidation",
    "Edema",
    "Effusion",
    "Infiltration",
    "Mass",
    "Nodule",
    "Pleural_Thickening",
    "Pneumonia",
    "Pneumothorax",
)
ABNORMAL = len(FINDINGS)
BRIXIA = ABNORMAL + 1
ZONES = slice(BRIXIA + 1, BRIXIA + 1 + len(BRIXIA_ZONES))
OUTCOME = slice(ZONES.stop, ZONES.stop + len(OUTCOMES))
QUESTIONS = OUTCOME.stop
MIRRORED_ZONES = (3, 4, 5, 0, 1, 2)
ZONE_MAXIMUM = 3.0

# An image's findings are many and were read from reports; severity is the aim of the training.
_FINDING_WEIGHT = 0.3
_BRIXIA_WEIGHT = 6.0
_ZONE_WEIGHT = 1.5
_OUTCOME_WEIGHT = 1.0
_ABNORMAL_WEIGHT = {"nih": 1.0, "cidc": 1.0, "cxnet": 0.5}


@dataclass(frozen=True)
class Targets:
    """Answers and their weights, both of shape (N, QUESTIONS); weight 0 is unknown."""

    values: Tensor
    weights: Tensor

    def of(self, chosen: Tensor, *, mirrored: Tensor) -> "Targets":
        """Return the answers for these images, the lungs' zones exchanged where mirrored."""
        values, weights = self.values[chosen].clone(), self.weights[chosen].clone()
        order = ZONES.start + torch.tensor(MIRRORED_ZONES)
        values[mirrored, ZONES] = values[mirrored][:, order]
        return Targets(values, weights)


def targets(images: Sequence[TrainingImage]) -> Targets:
    """Return the answers of each image's source to the questions."""
    values = torch.zeros(len(images), QUESTIONS)
    weights = torch.zeros(len(images), QUESTIONS)
    for row, image in enumerate(images):
        if image.findings is not None:
            values[row, :ABNORMAL] = torch.tensor(
                [float(name in image.findings) for name in FINDINGS]
            )
            weights[row, :ABNORMAL] = _FINDING_WEIGHT
        if image.abnormal is not None:
            values[row, ABNORMAL] = float(image.abnormal)
            weights[row, ABNORMAL] = _ABNORMAL_WEIGHT[image.source]
        if image.brixia_zones is not None:
            zones = torch.tensor(image.brixia_zones) / ZONE_MAXIMUM
            values[row, BRIXIA], weights[row, BRIXIA] = zones.mean(), _BRIXIA_WEIGHT
            values[row, ZONES], weights[row, ZONES] = zones, _ZONE_WEIGHT
        for question, severe in zip(
            range(OUTCOME.start, OUTCOME.stop), image.outcomes, strict=False
        ):
            if severe is not None:
                values[row, question], weights[row, question] = float(severe), _OUTCOME_WEIGHT
    return Targets(values, weights)
