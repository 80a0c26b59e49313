"""The running mean of a network's weights while it is trained."""

import torch
from torch import nn


@torch.no_grad()
def follow(mean: nn.Module, trained: nn.Module, *, decay: float) -> None:
    """Move the mean's weights towards those of the trained network, a step at a time."""
    kept = mean.state_dict()
    for name, value in trained.state_dict().items():
        if value.is_floating_point():
            kept[name].lerp_(value, 1 - decay)
