"""Grey images: their pixels, identity, limits, and the way to a network's input."""

from typing import TYPE_CHECKING

from severity.lazy_names import importing_when_asked

if TYPE_CHECKING:
    from severity.images.grey_image import Band, GreyImage
    from severity.images.grey_of_colour import grey_of_colour, is_without_chroma
    from severity.images.limits import MOST_BYTES, check_bytes, check_size
    from severity.images.orientation import EXIF_ORIENTATIONS, UPRIGHT, Orientation
    from severity.images.preprocessing import MODEL_LIMIT, PREPROCESSING, to_model_input
    from severity.images.radiograph import Radiograph
    from severity.images.resizing import MODEL_SIDE
    from severity.images.square_pixels import with_square_pixels
else:
    __getattr__ = importing_when_asked(__name__)

__all__ = [
    "EXIF_ORIENTATIONS",
    "MODEL_LIMIT",
    "MODEL_SIDE",
    "MOST_BYTES",
    "PREPROCESSING",
    "UPRIGHT",
    "Band",
    "GreyImage",
    "Orientation",
    "Radiograph",
    "check_bytes",
    "check_size",
    "grey_of_colour",
    "is_without_chroma",
    "to_model_input",
    "with_square_pixels",
]
