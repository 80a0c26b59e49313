"""Films as small pictures, read again from their sources; and their saliency maps, by torch."""

import asyncio
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from db.reading.image_files import ImageFile
from flows.resources import Resources
from flows.scoring.pipeline import prepared_image
from flows.scoring.saliency_maps import picture
from flows.sources import LedgerObjects
from severity.domain import RESEARCH_USE_ONLY, Reason
from severity.errors import UnreadableImage
from severity.files.reader import read_radiograph
from severity.files.sidecar import UNNAMED
from severity.images.grey_image import GreyImage
from severity.images.radiograph import Radiograph
from severity.models.runtimes.runtime import in_memory
from severity.models.saliency import saliency_maps
from severity.pseudonym import DerivedUids

_SIDE = 480  # pixels of the longer side of a picture
_WHITE = 255


@dataclass
class FilmImages:
    """Makes the pictures that pages show; to be asked for one at a time (`turns`)."""

    resources: Resources

    def thumbnail(self, file: ImageFile) -> bytes:
        """Return a film as a small PNG, in the greys that a viewer would show.

        Raises
        ------
        RejectedImage
            The film is gone, replaced, or cannot be read; the message names nobody.
        """
        return _png(_small(self._radiograph(file).grey))

    def saliency(self, file: ImageFile, model_version: str) -> bytes:
        """Return the saliency map of a film over what the network sees of it, as PNG.

        Raises
        ------
        RejectedImage
            The film is gone, replaced, or cannot be read; or the model that is set is another
            version.
        ModelUnavailable
            The model cannot be loaded, or torch is not installed.
        """
        model = self.resources.load_model()
        if model.version.key != model_version:
            raise UnreadableImage(Reason.VANISHED, "another model version is set")
        image = prepared_image(self._radiograph(file), model)
        (saliency,) = saliency_maps(model.gradient([image.model_input]))
        caption = [RESEARCH_USE_ONLY, f"Saliency of the geographic extent, {model_version}"]
        caption += ["SIMULATED"] if image.record.simulated else []
        return _png(picture(in_memory(image.model_input), saliency, caption))

    def _radiograph(self, file: ImageFile) -> Radiograph:
        return asyncio.run(self._read(file))

    async def _read(self, file: ImageFile) -> Radiograph:
        read = await LedgerObjects().read(file.content_sha256, file.places)
        zone = self.resources.settings.zone
        return read_radiograph(read.content, UNNAMED, uids=DerivedUids.unlinked(), zone=zone)


def _small(grey: GreyImage) -> Image.Image:
    """Return a picture of at most 480 pixels a side; black and white are the display's."""
    rows, columns = grey.values.shape
    step = max(1, max(rows, columns) // (2 * _SIDE))  # a float of each pixel would take too much
    values: NDArray[np.float32] = grey.values[::step, ::step].astype(np.float32)
    shown = np.clip((values - grey.black) / (grey.white - grey.black), 0, 1) * _WHITE
    image = Image.fromarray(np.rint(shown).astype(np.uint8))
    image.thumbnail((_SIDE, _SIDE), Image.Resampling.LANCZOS)
    return image


def _png(image: Image.Image) -> bytes:
    file = BytesIO()
    image.save(file, format="PNG")
    return file.getvalue()
