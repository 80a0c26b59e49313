"""Random weights in the published format, for machines that cannot fetch the published ones.

A network costs the same with any weights. Its scores must still be of a realistic size and differ
from image to image, or an agreement of two variants would mean nothing.
"""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.jobs import Weights
from severity.images.preprocessing import MODEL_LIMIT, MODEL_SIDE
from severity.models.torchxrayvision_weights import weight_set

if TYPE_CHECKING:
    from torchxrayvision.models import DenseNet

_SEED = 0
WEIGHTS = "densenet121-res224-all"
_PATHOLOGY = "Lung Opacity"
_COARSE_TO_FINE = (4, 8, 16, 56, 224)  # cells a side; their weight falls as their number rises
_CALIBRATION_IMAGES = 16
_DEVIATION = 0.5  # of a logit; real images, which differ more, then reach about 1.5


def write_random_weights(folder: Path) -> Weights:
    """Write a random DenseNet-121 as its authors publish it: the pickled module, under its name."""
    file = folder / weight_set(WEIGHTS).file
    torch.save(random_densenet(), file)
    return Weights(str(file), hashlib.sha256(file.read_bytes()).hexdigest())


def random_densenet() -> "DenseNet":
    """Return a random DenseNet-121 whose scores differ between images.

    Weights are random, the norms' statistics those of image-like images. The logit behind the
    scores follows the direction in which the features of such images differ most, as a trained
    one would: a random direction would mostly follow rounding.
    """
    # Imported here: it takes seconds, which a process that measures another network need not pay.
    from torchxrayvision.models import DenseNet  # noqa: PLC0415

    torch.manual_seed(_SEED)
    network = DenseNet()
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    images = torch.from_numpy(image_like(_CALIBRATION_IMAGES)).unsqueeze(1)
    with torch.no_grad():
        for norm in norms:
            nn.init.uniform_(norm.weight, 0.8, 1.2)
            nn.init.normal_(norm.bias, std=0.1)
            norm.momentum = None  # use the statistics of this single batch
        network(images)
        for norm in norms:
            norm.momentum = 0.1
        network.eval()
        _spread_logits(network, network.features2(images))
    return network


def _spread_logits(network: "DenseNet", features: Tensor) -> None:
    """Scale each logit to mean 0 and the same deviation over the images of ``features``."""
    classifier = network.classifier
    nn.init.normal_(classifier.weight)
    strongest = torch.linalg.svd(features - features.mean(0), full_matrices=False).Vh[0]
    classifier.weight[network.targets.index(_PATHOLOGY)] = strongest
    logits = features @ classifier.weight.T
    factors = _DEVIATION / logits.std(0)
    classifier.weight *= factors[:, None]
    classifier.bias.copy_(-logits.mean(0) * factors)


def image_like(count: int) -> NDArray[np.float32]:
    """Return smooth shapes with a little grain, shape (count, 224, 224) on [-1024, 1024]."""
    random = np.random.default_rng(_SEED)
    shapes = sum(_noise(random, count, cells) / cells**0.5 for cells in _COARSE_TO_FINE)
    standard = (shapes - shapes.mean((1, 2), keepdims=True)) / shapes.std((1, 2), keepdims=True)
    contrast, brightness = random.uniform((200, -400), (500, 300), (count, 2)).T[..., None, None]
    images = standard * contrast + brightness
    limited: NDArray[np.float32] = images.clip(-MODEL_LIMIT, MODEL_LIMIT).astype(np.float32)
    return limited


def _noise(random: np.random.Generator, count: int, cells: int) -> NDArray[np.float64]:
    grid = torch.from_numpy(random.normal(size=(count, 1, cells, cells)))
    size = (MODEL_SIDE, MODEL_SIDE)
    smooth: NDArray[np.float64] = functional.interpolate(grid, size, mode="bilinear")[:, 0].numpy()
    return smooth
