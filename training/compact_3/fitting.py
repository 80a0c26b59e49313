"""Train one network on the films of a training set."""

import copy
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from severity.models.architectures.efficientnet_lite import EfficientNetLite0
from training.compact_3.lessons import Canvases, Lesson, lessons
from training.compact_3.losses import Aims, lesson_loss
from training.compact_3.network import DROPPED, SeverityNetwork
from training.compact_3.views import MILD, STRONG, Limits, plain_views, within_squares
from training.running_mean import follow

_REPORTS = 4  # lines of progress a training
_PLAIN, _PLAIN_BATCHES = 64, 8  # films a batch whose statistics networks settle on

Report = Callable[[str], None]


@dataclass(frozen=True)
class Setting:
    """What a training does; each that was compared has a name in the log."""

    name: str
    aims: Aims
    settled: float = 1.0
    """Share of the training after which layers normalise by fixed statistics, those of plain films.

    Strong views have other statistics than the films that are scored: a network that is trained
    with those of both scores films 0.3 to 0.6 points too low."""
    pooled: bool = False
    """Whether scores are means over the lungs that the network draws, not over the image."""
    framed: float = 1.0
    """Share of the training after which views are cut out around the lungs that it draws."""
    unlabelled: float = 1.0
    """Factor by which films without points are drawn more often."""
    dropped: float = DROPPED
    joined: float = 0.0
    """Share of the films with known sides that get another film's left lung."""
    advised: bool = False
    """Whether films without points are taught those that earlier networks gave them."""
    steps: int = 500
    seconds: float = math.inf
    """Time within which the rate falls to zero, if the steps take longer."""
    batch: int = 96
    peak_rate: float = 1e-3
    weight_decay: float = 0.03
    warm_up: float = 0.1
    """Share of the training in which the rate rises."""
    average: float = 0.995
    """Decay per step of the running mean of the weights; the mean is the result."""
    frozen_blocks: int = 3
    """First blocks that, with the stem, keep their ImageNet weights: edges look alike everywhere,
    and these layers cost almost half of a step."""
    limits: tuple[Limits, Limits] = (MILD, STRONG)


@dataclass(frozen=True)
class Device:
    """Where and how to compute; another choice changes the last digits."""

    name: str = "cpu"
    half: bool = False
    """Whether to multiply in bfloat16."""


def new_network(start: EfficientNetLite0, setting: Setting) -> SeverityNetwork:
    """Return the network of a setting before its training."""
    return SeverityNetwork(
        copy.deepcopy(start),
        dropped=setting.dropped,
        pooled=setting.pooled,
        framed=setting.framed < 1,
    )


class Fitting:
    """A network in training, the running mean of its weights, and the schedule of its rate."""

    def __init__(
        self, start: EfficientNetLite0, setting: Setting, device: Device, *, seed: int
    ) -> None:
        torch.manual_seed(seed)
        self._setting, self._device = setting, device
        self.network = new_network(start, setting)
        self.network.to(device.name).train()
        frozen = self.network.backbone.blocks[: setting.frozen_blocks]
        for layers in (self.network.backbone.stem, *frozen):
            layers.eval().requires_grad_(requires_grad=False)
        self.mean = copy.deepcopy(self.network)
        self._optimiser = torch.optim.AdamW(
            self.network.parameters(), lr=setting.peak_rate, weight_decay=setting.weight_decay
        )
        self.steps, self._started = 0, time.monotonic()
        self.is_settled = False

    @property
    def progress(self) -> float:
        """Return the share of the training that is done, by steps or by time."""
        elapsed = (time.monotonic() - self._started) / self._setting.seconds
        return min(1.0, max(self.steps / self._setting.steps, elapsed))

    def step(self, lesson: Lesson) -> Tensor:
        """Learn one lesson, and return its loss."""
        for group in self._optimiser.param_groups:
            group["lr"] = self._setting.peak_rate * self._share_of_rate()
        inputs = torch.cat([lesson.mild.images, lesson.strong.images])
        kind = self._device.name.partition(":")[0]
        with torch.autocast(kind, dtype=torch.bfloat16, enabled=self._device.half):
            seen = self.network(inputs)
        mild, strong = seen.halves()
        loss = lesson_loss(mild, strong, lesson, self._setting.aims)
        self._optimiser.zero_grad()
        torch.autograd.backward(loss)
        self._optimiser.step()
        self.steps += 1
        # The mean follows fast at first, or it would long remember the start.
        decay = min(self._setting.average, self.steps / (self.steps + 10))
        follow(self.mean, self.network, decay=decay)
        return loss

    def settle(self, images: Sequence[Tensor]) -> None:
        """Normalise from now on by the statistics of these batches of plain films."""
        layers = [part for part in self.network.modules() if isinstance(part, nn.BatchNorm2d)]
        moving = [layer for layer in layers if layer.training]
        for layer in moving:
            layer.reset_running_stats()
            layer.momentum = None  # the mean over the batches
        with torch.no_grad():
            for batch in images:
                self.network(batch)
        for layer in moving:
            layer.eval()
        follow(self.mean, self.network, decay=0.0)
        self.is_settled = True

    def _share_of_rate(self) -> float:
        """Rise in a line, then fall to zero by half a cosine."""
        risen = min(1.0, (self.progress + 1 / self._setting.steps) / self._setting.warm_up)
        return risen * (1 + math.cos(math.pi * self.progress)) / 2


def fit(
    films: Canvases, training: NDArray[np.bool_], fitting: Fitting, setting: Setting, report: Report
) -> SeverityNetwork:
    """Train on the films of the training set; the result are the mean weights.

    Raises
    ------
    ArithmeticError
        The training diverged.
    """
    device = films.pixels.device
    drawn = lessons(
        films,
        training,
        batch=setting.batch,
        joined=setting.joined,
        unlabelled=setting.unlabelled,
        limits=setting.limits,
        generator=torch.Generator(device).manual_seed(torch.initial_seed()),
    )
    reported, is_framed = 0, False
    while fitting.progress < 1:
        if not is_framed and fitting.progress >= setting.framed:
            frame(films, fitting.mean)
            is_framed = True
        if not fitting.is_settled and fitting.progress >= setting.settled:
            if is_framed:
                frame(films, fitting.mean)
            fitting.settle(_plain(films, training))
        with torch.no_grad():
            lesson = next(drawn)
        loss = fitting.step(lesson)
        if fitting.progress * _REPORTS >= reported + 1:
            reported = int(fitting.progress * _REPORTS)
            report(f"{fitting.progress:.0%}, {fitting.steps} steps, loss {loss.item():.3f}")
            if not math.isfinite(loss.item()):
                raise ArithmeticError(f"training diverged at {fitting.progress:.0%}")
    return fitting.mean.eval()


@torch.no_grad()
def frame(films: Canvases, network: SeverityNetwork) -> None:
    """Move the frames of all films to the lungs that a network draws."""
    network.eval()
    for rows in torch.split(torch.arange(len(films.pixels), device=films.pixels.device), _PLAIN):
        images = plain_views(films.pixels[rows], films.masks[rows]).images
        films.frames[rows] = within_squares(network.frames(images))


def _plain(films: Canvases, training: NDArray[np.bool_]) -> list[Tensor]:
    """Return batches of the films with points of a training set, as scoring cuts them out."""
    have_points = films.labels.have_points.cpu().numpy()
    places = torch.from_numpy(np.flatnonzero(training & have_points)).to(films.pixels.device)
    drawn = places[torch.randperm(len(places), device=places.device)[: _PLAIN * _PLAIN_BATCHES]]
    return [
        plain_views(films.pixels[rows], films.masks[rows], films.frames[rows]).images
        for rows in torch.split(drawn, _PLAIN)
    ]
