"""What a network draws beside its features: both lungs and the opacities.

This is the network as it is trained; scoring runs the description that `LungNetwork.lowered` makes
of it.
"""

from collections.abc import Mapping, Sequence

from torch import Tensor, nn
from torch.nn import functional

from severity.heads.head import HeadInput
from severity.heads.lungs import Drawn
from severity.models.architectures.efficientnet_lite import (
    EfficientNetLite0,
    MirrorAveraged,
    lowered_top_and_taps,
)
from severity.models.architectures.lowering import Lowering, lowered
from severity.models.architectures.lung_framing import (
    BEYOND,
    LIMITS,
    OUTSIDE,
    REACH,
    framed,
    frames_of,
    over_lungs,
)
from severity.models.backbone import Backbone
from severity.models.network import (
    IMAGES,
    Add,
    Average,
    Enlarge,
    LungAverage,
    LungFrame,
    Mirror,
    Sigmoid,
)

TAPS = (2, 4, 10, 15)
"""The blocks whose results are drawn from: 56, 28, 14 and 7 pixels a side."""
_TAP_CHANNELS = (24, 40, 112, 320)
_WIDTH = 64
_TWICE = 2
_LUNGS_AND_OPACITY = 3
"""Of the maps that a decoder draws, the first are the right lung, the left lung, the opacity."""


class Refine(nn.Sequential):
    """Filter each channel, then mix channels."""

    def __init__(self) -> None:
        super().__init__(
            nn.Conv2d(_WIDTH, _WIDTH, 3, padding=1, groups=_WIDTH, bias=False),
            nn.Conv2d(_WIDTH, _WIDTH, 1, bias=False),
            nn.BatchNorm2d(_WIDTH),
            nn.ReLU(inplace=True),
        )


class Decoder(nn.Module):
    """Draw maps from the backbone's features of four sizes (Lin et al. 2017, arXiv:1612.03144).

    ``maps`` is how many it draws: right lung, left lung, opacity, and what training asks beside.
    """

    def __init__(self, maps: int) -> None:
        super().__init__()
        self.lateral = nn.ModuleList(nn.Conv2d(width, _WIDTH, 1) for width in _TAP_CHANNELS)
        self.refine = nn.ModuleList(Refine() for _ in _TAP_CHANNELS)
        self.maps = nn.Conv2d(_WIDTH, maps, 1)

    def forward(self, taps: Sequence[Tensor]) -> Tensor:
        """Map features, fine to coarse, to logits of shape (N, maps, 56, 56)."""
        maps: Tensor = self.maps(self.drawn(taps))
        return maps

    def drawn(self, taps: Sequence[Tensor]) -> Tensor:
        """Map features, fine to coarse, to what the last layer maps to logits."""
        *finer, (tap, lateral, refine) = zip(taps, self.lateral, self.refine, strict=True)
        drawn: Tensor = refine(lateral(tap))
        for tap, lateral, refine in reversed(finer):
            larger = functional.interpolate(
                drawn, scale_factor=_TWICE, mode="bilinear", align_corners=False
            )
            drawn = refine(lateral(tap) + larger)
        return drawn

    def lowered_drawn(self, lowering: Lowering, taps: Sequence[str]) -> str:
        """Append `drawn`, and return its node."""
        *finer, (tap, lateral, refine) = zip(taps, self.lateral, self.refine, strict=True)
        drawn = lowered(refine, lowering, lowered(lateral, lowering, tap))
        for tap, lateral, refine in reversed(finer):
            larger = lowering.append(Enlarge(inputs=(drawn,), factor=_TWICE))
            features = lowered(lateral, lowering, tap)
            drawn = lowered(refine, lowering, lowering.append(Add(inputs=(features, larger))))
        return drawn


class LungNetwork(nn.Module):
    """EfficientNet-Lite0 on an image, then on its lungs in a mirror; features averaged over lungs.

    The first look finds the lungs, the second sees them alone and mirrored, since pneumonia has no
    preferred side. ``maps`` of the decoder draws right lung, left lung and opacity;
    ``mirrored_maps`` is the same with the lungs exchanged, for the mirror image.
    """

    def __init__(self) -> None:
        super().__init__()
        self.backbone = EfficientNetLite0()
        self.decoder = Decoder(_LUNGS_AND_OPACITY)
        self.mirrored_maps = nn.Conv2d(_WIDTH, _LUNGS_AND_OPACITY, 1)

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor]) -> "LungNetwork":
        """Build the network from tensors as it is trained, or as they are shipped."""
        network = cls()
        state = network.state_dict()
        shipped = {key: tensors[key] for key in state if key in tensors}
        for part in ("weight", "bias"):
            shipped[f"decoder.maps.{part}"] = tensors[f"decoder.maps.{part}"][:_LUNGS_AND_OPACITY]
            maps = shipped[f"decoder.maps.{part}"]
            shipped[f"mirrored_maps.{part}"] = maps[[1, 0, 2]]
        # Counters of the training, which inference never reads, are not stored.
        counters = {k: v for k, v in state.items() if k.endswith("num_batches_tracked")}
        network.load_state_dict(shipped | counters)
        return network

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Map images to features and maps.

        Parameters
        ----------
        images
            Shape (N, 1, 224, 224) on [-1024, 1024].

        Returns
        -------
        Features (N, 1280), and maps (N, 3, 56, 56) of the frame around the lungs.
        """
        features, maps, _ = self.looks(images)
        return features, maps

    def looks(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return features and maps, and the frames that the maps are of, as `frames_of`."""
        features, maps = self._of_one(images, self.decoder.maps)
        frames = frames_of(maps[:, :2])
        lungs = framed(images, frames).flip(-1)
        closer, mirrored = self._of_one(lungs, self.mirrored_maps)
        return (features + closer) / 2, mirrored.flip(-1), frames

    def _of_one(self, images: Tensor, maps: nn.Conv2d) -> tuple[Tensor, Tensor]:
        top, taps = self.backbone.top_and_taps(images, TAPS)
        drawn = maps(self.decoder.drawn(taps)).sigmoid()
        return over_lungs(top, drawn[:, :2]).mean(dim=1), drawn

    def lowered(self) -> Backbone:
        """Return this network in inference mode as plain values."""
        lowering = Lowering(self)
        features, maps = self._append(lowering, IMAGES, self.decoder.maps)
        frame = LungFrame(inputs=(IMAGES, maps), reach=REACH, limits=LIMITS, background=BEYOND)
        lungs = lowering.append(Mirror(inputs=(lowering.append(frame),)))
        closer, mirrored = self._append(lowering, lungs, self.mirrored_maps)
        return lowering.backbone(
            {
                HeadInput.FEATURES: lowering.append(Average(inputs=(features, closer))),
                Drawn.MAPS: lowering.append(Mirror(inputs=(mirrored,))),
            }
        )

    def _append(self, lowering: Lowering, images: str, maps: nn.Conv2d) -> tuple[str, str]:
        top, taps = lowered_top_and_taps(self.backbone, lowering, images, TAPS)
        logits = lowered(maps, lowering, self.decoder.lowered_drawn(lowering, taps))
        drawn = lowering.append(Sigmoid(inputs=(logits,)))
        average = LungAverage(inputs=(top, drawn), background=OUTSIDE)
        return lowering.append(average), drawn


class BundledFeatures(nn.Module):
    """The network of a bundled model's file, which draws lungs if its tensors say how."""

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.network = trained_network(tensors).eval()

    def forward(self, images: Tensor) -> Tensor:
        """Map (N, 1, 224, 224) on [-1024, 1024] to (N, 1280) features."""
        result: Tensor | tuple[Tensor, Tensor] = self.network(images)
        return result if isinstance(result, Tensor) else result[0]


def trained_network(tensors: Mapping[str, Tensor]) -> MirrorAveraged | LungNetwork:
    """Build the network of a bundled model's file, which draws lungs if its tensors say how."""
    is_drawing = any(name.startswith("decoder.") for name in tensors)
    return LungNetwork.of(tensors) if is_drawing else MirrorAveraged.of(tensors)
