"""Saliency maps in a folder: for each scored image the raw array and a picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from flows.errors import UsageError
from flows.scoring.pipeline import PreparedImage
from severity.domain import RESEARCH_USE_ONLY
from severity.images.preprocessing import MODEL_LIMIT
from severity.models.runtimes.runtime import in_memory
from severity.models.saliency import saliency_maps
from severity.models.scoring_model import ScoringModel

_ZOOM = 3  # an image of 224 pixels a side would leave no room for words
_MAP_SHARE = 0.5  # of the colour in the picture; the rest is the image
_COLOURS = "viridis"
_LINE = 18  # pixels of the caption
_WHITE = 255


@dataclass(frozen=True)
class MapPlace:
    """Where the map of one image goes: ``NAME.saliency.png`` and ``NAME.saliency.npy``."""

    folder: Path
    name: str

    @property
    def picture(self) -> Path:
        """The file of the picture: the image with the map over it."""
        return self.folder / f"{self.name}.saliency.png"

    @property
    def array(self) -> Path:
        """The file of the map, (224, 224) float32."""
        return self.folder / f"{self.name}.saliency.npy"


def map_places(images: Sequence[Path], folder: Path) -> list[MapPlace]:
    """Choose the files for the map of each image.

    NAME is the image's file name without its ending. Images of one name, from several folders
    or with several endings, are numbered in their order: NAME, NAME-2, NAME-3.

    Raises
    ------
    UsageError
        The folder cannot be made, or holds one of these maps already. It may be of another
        image or of another model version, so it is not replaced.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{folder} cannot be made: {error.strerror}") from error
    names: dict[str, None] = {}
    for image in images:
        names[_free_name(image.stem, names)] = None
    places = [MapPlace(folder, name) for name in names]
    for path in (path for place in places for path in (place.picture, place.array)):
        if path.exists():
            raise UsageError(f"{path} exists and is not replaced: name another folder")
    return places


def _free_name(stem: str, used: dict[str, None]) -> str:
    name, number = stem, 1
    while name in used:
        number += 1
        name = f"{stem}-{number}"
    return name


def write_map(image: PreparedImage, place: MapPlace, model: ScoringModel) -> None:
    """Compute the saliency map of one image, and write it as an array and as a picture.

    One image at a time: the last bits of its map must not depend on others in its batch.

    Raises
    ------
    UsageError
        The files cannot be written, or were made after `map_places` looked for them.
    """
    (saliency,) = saliency_maps(model.gradient([image.model_input]))
    pixels = in_memory(image.model_input)
    caption = [RESEARCH_USE_ONLY, f"Saliency of the geographic extent, {model.version.key}"]
    if image.record.simulated:
        caption.append("SIMULATED")
    try:
        with place.array.open("xb") as file:
            np.save(file, saliency)
        with place.picture.open("xb") as file:
            picture(pixels, saliency, caption).save(file, format="PNG")
    except OSError as error:
        raise UsageError(f"{place.array} cannot be written: {error.strerror}") from error


def picture(
    pixels: NDArray[np.float32], saliency: NDArray[np.float32], caption: Sequence[str]
) -> Image.Image:
    """Lay a saliency map over an image, with a caption below.

    Parameters
    ----------
    pixels
        Shape (224, 224) on [-1024, 1024], as in the network's input.
    saliency
        Same shape; its least value is shown darkest and its greatest brightest.
    """
    from matplotlib import colormaps  # noqa: PLC0415 - slow to load, and only maps need it

    grey = np.clip((pixels + MODEL_LIMIT) / (2 * MODEL_LIMIT), 0, 1)[..., None]
    spread = float(np.ptp(saliency)) or 1.0
    colours = colormaps[_COLOURS]((saliency - saliency.min()) / spread)[..., :3]
    mixed = np.rint(((1 - _MAP_SHARE) * grey + _MAP_SHARE * colours) * _WHITE).astype(np.uint8)
    large = Image.fromarray(mixed.repeat(_ZOOM, axis=0).repeat(_ZOOM, axis=1))
    page = Image.new("RGB", (large.width, large.height + _LINE * len(caption) + _LINE // 2))
    page.paste(large)
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(size=_LINE - 4)
    for number, line in enumerate(caption):
        draw.text((_LINE // 2, large.height + _LINE * number + 2), line, "white", font)
    return page
