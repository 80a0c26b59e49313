"""The running mean of a network's weights while it is trained."""

import torch
from torch import nn
from torch.optim.swa_utils import get_ema_multi_avg_fn


@torch.no_grad()
def follow(mean: nn.Module, trained: nn.Module, *, decay: float) -> None:
    """Move the mean's weights towards those of the trained network, a step at a time."""
    kept = mean.state_dict()
    moved = {name: v for name, v in trained.state_dict().items() if v.is_floating_point()}
    move = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
    move([kept[name] for name in moved], list(moved.values()), None)
