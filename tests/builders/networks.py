"""Networks with random weights whose outputs differ between any two images."""

from typing import TypeVar

import torch
from torch import nn

from tests.builders.images import three_images

Network = TypeVar("Network", bound=nn.Module)


def lively(network: Network) -> Network:
    """Set the norms to the statistics of three images, so that outputs are of a realistic size."""
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = None  # use the statistics of this single batch
    with torch.no_grad():
        network.train()(torch.from_numpy(three_images()).unsqueeze(1))
    for norm in norms:
        norm.momentum = 0.1
    return network.eval()
