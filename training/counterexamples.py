"""Images that are not frontal chest images, and frontal images that were altered a little.

A reference distribution is useful if the first are beyond its limits and the second within.
"""

import io
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, UnidentifiedImageError
from pydicom import FileDataset, dcmread
from pydicom.errors import InvalidDicomError
from scipy import ndimage

from severity.errors import BROKEN_FILE
from severity.images.grey_image import GreyImage
from severity.images.preprocessing import MODEL_LIMIT, MODEL_SIDE, to_model_input
from severity.reliability import maps
from training.painting import painted

Input = NDArray[np.float32]
"""A model input, shape (224, 224) on [-1024, 1024]."""

_SAME = 0.3  # largest difference of features between two encodings of one image
_SMALLEST = 32  # pixels
_CT_WINDOWS = {"": (400, 4000), " soft tissue": (40, 400), " lung": (-600, 1500)}
"""Centre and width in Hounsfield units, as people export slices."""

ROTATED_OR_INVERTED: dict[str, Callable[[Input], Input]] = {
    "inverted": np.negative,
    "a quarter left": np.rot90,
    "a quarter right": lambda pixels: np.rot90(pixels, 3),
    "upside down": lambda pixels: np.rot90(pixels, 2),
}


def _on_grey(change: Callable[[Image.Image], Image.Image]) -> Callable[[Input], Input]:
    """Return a change of 8-bit images as a change of model inputs."""

    def changed(model_input: Input) -> Input:
        grey = Image.fromarray(
            ((model_input / MODEL_LIMIT + 1) * (255 / 2)).round().astype(np.uint8)
        )
        pixels = np.asarray(change(grey), dtype=np.float32)
        return (pixels * (2 / 255) - 1) * np.float32(MODEL_LIMIT)

    return changed


def _rotated(degrees: float) -> Callable[[Image.Image], Image.Image]:
    return lambda grey: grey.rotate(degrees, Image.Resampling.BILINEAR)


def _cropped(share: float) -> Callable[[Image.Image], Image.Image]:
    edge = share * MODEL_SIDE
    box = (edge, edge, MODEL_SIDE - edge, MODEL_SIDE - edge)
    return lambda grey: grey.resize(grey.size, Image.Resampling.BILINEAR, box=box)


def _exposed(gamma: float) -> Callable[[Image.Image], Image.Image]:
    return lambda grey: grey.point([round((level / 255) ** gamma * 255) for level in range(256)])


def _compressed(grey: Image.Image) -> Image.Image:
    file = io.BytesIO()
    grey.save(file, "JPEG", quality=50)
    return Image.open(file)


ALTERED: dict[str, Callable[[Input], Input]] = {
    "5 degrees left": _on_grey(_rotated(5)),
    "5 degrees right": _on_grey(_rotated(-5)),
    "5 % cropped from each side": _on_grey(_cropped(0.05)),
    "10 % cropped from each side": _on_grey(_cropped(0.1)),
    "gamma 0.7": _on_grey(_exposed(0.7)),
    "gamma 1.4": _on_grey(_exposed(1.4)),
    "JPEG quality 50": _on_grey(_compressed),
}


def with_opacities(inputs: Sequence[Input]) -> list[Input]:
    """Paint large opacities into images; deterministic."""
    views = torch.from_numpy((np.stack(inputs) / MODEL_LIMIT + 1) / 2)[:, None].float()
    _less, more = painted(views, generator=torch.Generator().manual_seed(0))
    return list(((more[:, 0] * 2 - 1) * MODEL_LIMIT).numpy())


def drawn(count: int = 60) -> dict[str, list[Input]]:
    """Draw images that are no radiographs: noise of every grain, and pages of text."""
    random = np.random.default_rng(0)
    return {
        "noise, fine": [_stretched(random.normal(size=(224, 224))) for _ in range(count)],
        "noise, coarse": [
            _stretched(ndimage.gaussian_filter(random.normal(size=(224, 224)), grain))
            for grain in random.uniform(1, 25, count)
        ],
        "text": [_page(random, dark=bool(number % 2)) for number in range(count)],
    }


def _page(random: np.random.Generator, *, dark: bool) -> Input:
    page = Image.new("L", (MODEL_SIDE, MODEL_SIDE), 0 if dark else 255)
    pen = ImageDraw.Draw(page)
    letters = list("abcdefghij klm nop")
    for line in range(5, MODEL_SIDE - 10, int(random.integers(10, 22))):
        words = "".join(random.choice(letters, int(random.integers(10, 36))))
        pen.text((5, line), words, fill=255 if dark else 0)
    return _stretched(np.asarray(page, dtype=float))


def in_folder(folder: Path) -> dict[str, list[Input]]:
    """Prepare every image of a folder as if it were a chest image, whatever its header states.

    Returns
    -------
    Inputs by kind: modality and body part of a DICOM file, "picture" for any other. Grey goes
    from the darkest to the lightest pixel, of CT slices in three windows. The same image in
    another encoding is left out.
    """
    inputs_by_kind: dict[str, list[Input]] = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        for kind, model_input in _images(path):
            inputs = inputs_by_kind.setdefault(kind, [])
            if not any(_same(model_input, earlier) for earlier in inputs):
                inputs.append(model_input)
    return {kind: inputs for kind, inputs in inputs_by_kind.items() if inputs}


def _same(first: Input, second: Input) -> bool:
    first_maps, second_maps = maps([first, second])
    return bool(np.abs(first_maps.features - second_maps.features).max() < _SAME)


def _images(path: Path) -> Iterator[tuple[str, Input]]:
    for kind, pixels in _grey_levels(path):
        if min(pixels.shape) >= _SMALLEST and pixels.max() > pixels.min():
            yield kind, _stretched(pixels)


def _grey_levels(path: Path) -> Iterator[tuple[str, NDArray[np.floating]]]:
    """Read a file as DICOM, else as a picture; yield nothing if it is neither."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # damaged and odd files are part of test data
        try:
            dataset = dcmread(path)
            pixels = _plane(dataset.pixel_array).astype(float)
        except (*BROKEN_FILE, InvalidDicomError):
            yield from _picture(path)
            return
    yield from _windowed(dataset, pixels)


def _picture(path: Path) -> Iterator[tuple[str, NDArray[np.floating]]]:
    try:
        with Image.open(path) as image:
            yield "picture", np.asarray(image.convert("L"), dtype=float)
    except (UnidentifiedImageError, OSError):
        return


def _plane(pixels: NDArray[np.generic]) -> NDArray[np.generic]:
    """Return the middle frame, in the first colour."""
    if pixels.shape[-1] == 3:  # noqa: PLR2004 - red, green, blue
        pixels = pixels[..., 0]
    return pixels if pixels.ndim == 2 else pixels[len(pixels) // 2]  # noqa: PLR2004


def _windowed(
    dataset: FileDataset, pixels: NDArray[np.floating]
) -> Iterator[tuple[str, NDArray[np.floating]]]:
    kind = f"{dataset.get('Modality') or '?'} {dataset.get('BodyPartExamined') or ''}".strip()
    if dataset.get("PhotometricInterpretation") == "MONOCHROME1":
        pixels = -pixels
    if dataset.get("Modality") != "CT":
        yield kind, pixels
        return
    slope, intercept = (
        float(dataset.get(f"Rescale{name}", default))
        for name, default in (("Slope", 1), ("Intercept", 0))
    )
    for window, (centre, width) in _CT_WINDOWS.items():
        hounsfield = pixels * slope + intercept
        yield f"CT{window}", hounsfield.clip(centre - width / 2, centre + width / 2)


def _stretched(pixels: NDArray[np.floating]) -> Input:
    """Return a model input that spans any image from its darkest to its lightest pixel."""
    values = np.ascontiguousarray(pixels, dtype=np.float32)
    return to_model_input(
        GreyImage(values, float(values.min()), float(values.max()), *values.shape)
    )
