"""How one file is read, without a network: what `explain` shows."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from flows.errors import UsageError
from flows.reports import Explanation
from flows.scoring.single_files import file_content
from flows.settings import Settings
from flows.sources import SidecarsAbove
from severity.domain import Decision
from severity.errors import RejectedImage
from severity.files.reader import read_radiograph
from severity.images.grey_image import GreyImage
from severity.images.preprocessing import MODEL_LIMIT, MODEL_SIDE, to_model_input
from severity.reliability import frontal_distribution, known_processing, maps

_WHITE = 255


@dataclass(frozen=True)
class ExplainedFile:
    """How a file was read, and the image that the network sees; None if it is rejected."""

    explanation: Explanation
    seen: Image.Image | None


def explain(file: Path, settings: Settings) -> ExplainedFile:
    """Read a file as `score` does, and return what its reader decided.

    The image is the network's input: 224 x 224 pixels, black at -1024 and white at 1024.
    """
    try:
        content = file_content(file, SidecarsAbove(settings.all_sources))
        radiograph = read_radiograph(
            content.content, content.sidecar, uids=content.uids, zone=settings.zone
        )
    except RejectedImage as rejected:
        refusal = Explanation(str(file), rejected.decisions, rejected.reason, str(rejected))
        return ExplainedFile(refusal, None)
    seen = to_model_input(radiograph.grey)
    decisions = (*radiograph.decisions, _greys(radiograph.grey), *_checks(seen))
    return ExplainedFile(Explanation(str(file), decisions), _picture(seen))


def write_image(seen: Image.Image, path: Path) -> None:
    """Write the image that the network sees, as PNG.

    Raises
    ------
    UsageError
        The file cannot be written, or exists: it may be the film itself.
    """
    try:
        with path.open("xb") as file:
            seen.save(file, "PNG")
    except FileExistsError as error:
        raise UsageError(f"{path} exists and is not replaced: name another file") from error
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from error


def _greys(grey: GreyImage) -> Decision:
    shown = f"{grey.black:g} is shown black, {grey.white:g} white"
    return Decision("pixels", f"{grey.rows} x {grey.columns}, {shown}", "the image", str(grey.band))


def _checks(seen: NDArray[np.float32]) -> tuple[Decision, Decision]:
    """Compare what the network sees with known images, as each score does."""
    images = maps([seen])
    (distribution,) = frontal_distribution().checks_of(images)
    (processing,) = known_processing().checks_of(images)
    flag, difference = distribution.out_of_distribution, processing.unlike_processing
    return (
        _check(
            "distribution", distribution.distance, f"out of distribution: {flag}" if flag else ""
        ),
        _check(
            "processing",
            processing.distance,
            f"unlike the training films: {difference}" if difference else "",
        ),
    )


def _check(subject: str, distance: float, doubt: str) -> Decision:
    says = f"{distance:.2f} times the limit from known images"
    return Decision(subject, says, "the image", doubt=doubt)


def _picture(seen: NDArray[np.float32]) -> Image.Image:
    pixels = seen.astype(np.float64).reshape(MODEL_SIDE, MODEL_SIDE)
    greys = (pixels + MODEL_LIMIT) / (2 * MODEL_LIMIT) * _WHITE
    return Image.fromarray(np.rint(greys).astype(np.uint8))
