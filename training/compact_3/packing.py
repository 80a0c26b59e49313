"""The development films in one file of arrays: small, and all that training reads.

A film lies on a square canvas whose middle is the square that scoring cuts out, with what lies
beyond it along the longer side: a view that is shifted or zoomed out shows more of the film.
"""

import io
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter

from severity.images.preprocessing import MODEL_SIDE
from training.compact_3.films import (
    APPROXIMATE_OPACITY,
    Film,
    folds_of,
    hannover_films,
    shares,
)
from training.images import BRIXIA_ZONES, grey_pixels
from training.protocol import EXTENT_MAXIMUM, OPACITY_MAXIMUM
from training.targets import FINDINGS, ZONE_MAXIMUM

CANVAS = 252
SQUARE = MODEL_SIDE
"""Side of the square that scoring cuts out, pixels of the canvas."""
MASK_CANVAS = 144
RIGHT, LEFT, OPACITY, BOTH = 1, 2, 4, 8
SIDES_KNOWN, OPACITY_KNOWN, BOTH_KNOWN = 16, 32, 64
"""Bits of a mask: what a pixel shows, and which of it the film's masks state."""
FOLDS = 5
SCALES = np.array([EXTENT_MAXIMUM, OPACITY_MAXIMUM])
"""By what shares of both scales are multiplied for points."""
ZONES = len(BRIXIA_ZONES)
_QUALITY = 92
_MARGIN = (CANVAS - SQUARE) // 2
_LESION = 4 | 8
_PROXY_WEIGHT, _PROXY_OPACITY_WEIGHT, _COPY_WEIGHT, _APPROXIMATE = 0.5, 0.25, 0.5, 0.5
_HEALTHY_WEIGHT = {"nih": 0.3, "cidc": 0.3, "shenzhen": 0.1, "montgomery": 0.1}
_UNFOUND_WEIGHT = 0.1
_FINDING_WEIGHT = 0.3
_ABNORMAL_WEIGHT = 0.5
_THREADS = 2

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Packed:
    """N films with their labels; a weight of 0 is an unknown label.

    Attributes
    ----------
    canvases, masks
        Shapes (N, 252, 252) and (N, 144, 144), uint8; ``masks`` has the bits above.
    extents
        Half the height and width of the film on its canvas, shape (N, 2), shares of the canvas.
    points, point_weights
        Extent and opacity as shares of their scales, shape (N, 2).
    sides, side_weights
        Extent of the right and the left lung, shares of the whole scale, shape (N, 2).
    answers, answer_weights
        Findings, abnormal, opaque, then six Brixia zones, shape (N, questions).
    fold, scored, healthy, fitted, hannover, source, view, release, name, patient, day
        Shape (N,).
    """

    canvases: NDArray[np.uint8]
    masks: NDArray[np.uint8]
    extents: Floats
    points: Floats
    point_weights: Floats
    sides: Floats
    side_weights: Floats
    answers: Floats
    answer_weights: Floats
    fold: NDArray[np.int64]
    scored: NDArray[np.bool_]
    healthy: NDArray[np.bool_]
    fitted: NDArray[np.bool_]
    hannover: NDArray[np.bool_]
    sampling: Floats
    source: NDArray[np.str_]
    view: NDArray[np.str_]
    release: NDArray[np.str_]
    name: NDArray[np.str_]
    patient: NDArray[np.str_]
    day: NDArray[np.float64]


QUESTIONS = len(FINDINGS) + 2 + ZONES
ABNORMAL, OPAQUE = len(FINDINGS), len(FINDINGS) + 1
FIRST_ZONE = len(FINDINGS) + 2


def pack(films: Sequence[Film], data: Path, out: Path) -> None:
    """Write the films to a file; their canvases are compressed with a little loss (WebP)."""
    with ThreadPoolExecutor(_THREADS) as pool:
        drawn = list(pool.map(_canvas_and_extent, films))
    encoded = [code for code, _ in drawn]
    here = hannover_films(data)
    of_hannover = {film.patient for film in films if film.path in here}
    tables: dict[str, Any] = {**_tables(films)}
    np.savez_compressed(
        out,
        codes=np.frombuffer(b"".join(encoded), np.uint8),
        lengths=np.array([len(code) for code in encoded]),
        masks=np.stack([_mask(film) for film in films]),
        extents=np.array([extent for _, extent in drawn], np.float32),
        fold=np.array(folds_of(films, count=FOLDS)),
        scored=np.array([film.scored for film in films]),
        healthy=np.array([film.healthy for film in films]),
        fitted=np.array([film.fitted for film in films]),
        hannover=np.array([film.patient in of_hannover for film in films]),
        sampling=np.array([_sampling(film) for film in films], np.float32),
        source=np.array([film.source for film in films]),
        view=np.array([film.view for film in films]),
        release=np.array([film.release for film in films]),
        name=np.array([film.path.relative_to(data).as_posix() for film in films]),
        patient=np.array([film.patient for film in films]),
        day=np.array([np.nan if film.day is None else film.day for film in films]),
        **tables,
    )


def unpack(path: Path) -> Packed:
    """Read a file that `pack` wrote; decoded films are kept beside it for the next reader."""
    with np.load(path) as arrays:
        stored = {key: arrays[key] for key in arrays.files}
    codes, lengths = stored.pop("codes").tobytes(), stored.pop("lengths")
    decoded = path.with_suffix(".canvases.npy")
    if not decoded.exists():
        ends = np.cumsum(lengths)
        with ThreadPoolExecutor() as pool:
            parts = (codes[end - length : end] for end, length in zip(ends, lengths, strict=True))
            np.save(decoded, np.stack(list(pool.map(_decoded, parts))))
    return Packed(canvases=np.load(decoded), **stored)


def _decoded(code: bytes) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(code)) as image:
        return np.asarray(image.convert("L"))


def _canvas_and_extent(film: Film) -> tuple[bytes, tuple[float, float]]:
    canvas, extent = film_on_canvas(grey_pixels(film.path))
    buffer = io.BytesIO()
    Image.fromarray(canvas).save(buffer, "webp", quality=_QUALITY, method=4)
    return buffer.getvalue(), extent


def film_on_canvas(pixels: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], tuple[float, float]]:
    """Draw a film on a canvas as scoring resizes it, and beyond the square that scoring cuts out.

    A sharper or softer resizing than `severity.images.resizing` would be another processing of
    the film, which moves scores.

    Returns
    -------
    The canvas, and half of the film's height and width as shares of the canvas.
    """
    side = min(pixels.shape)
    factor = side / SQUARE
    smooth = gaussian_filter(pixels.astype(np.float32), max(factor - 1, 0) / 2, mode="nearest")
    for axis, length in enumerate(pixels.shape):
        first = length // 2 - side // 2
        places = first + (np.arange(CANVAS) - _MARGIN + 0.5) * factor - 0.5
        smooth = _sampled(smooth, places, axis=axis)
    drawn = np.round(smooth).clip(0, 255).astype(np.uint8)
    rows, columns = (min(length / factor, CANVAS) / 2 / CANVAS for length in pixels.shape)
    return drawn, (rows, columns)


def _sampled(values: Floats, places: NDArray[np.float64], *, axis: int) -> Floats:
    """Interpolate linearly along an axis; zero beyond the film."""
    last = values.shape[axis] - 1
    below = np.floor(places).clip(0, last).astype(int)
    above = (below + 1).clip(0, last)
    shape = (-1, 1) if axis == 0 else (1, -1)
    fraction = (places - below).clip(0, 1).astype(np.float32).reshape(shape)
    inside = ((places > -1) & (places < last + 1)).astype(np.float32).reshape(shape)
    lower, upper = values.take(below, axis), values.take(above, axis)
    sampled: Floats = (lower + fraction * (upper - lower)) * inside
    return sampled


def _mask_on_canvas(bits: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Draw a film's mask as `film_on_canvas` draws the film."""
    scale = MASK_CANVAS * SQUARE / CANVAS / min(bits.shape)
    rows, columns = (max(1, round(length * scale)) for length in bits.shape)
    nearest = Image.Resampling.NEAREST
    resized = np.asarray(Image.fromarray(bits).resize((columns, rows), nearest))
    drawn = np.zeros((MASK_CANVAS, MASK_CANVAS), np.uint8)
    top, left = (MASK_CANVAS - rows) // 2, (MASK_CANVAS - columns) // 2
    cut = resized[max(0, -top) : MASK_CANVAS - top, max(0, -left) : MASK_CANVAS - left]
    top, left = max(0, top), max(0, left)
    drawn[top : top + len(cut), left : left + cut.shape[1]] = cut
    return drawn


def _mask(film: Film) -> NDArray[np.uint8]:
    bits = np.zeros((MASK_CANVAS, MASK_CANVAS), np.uint8)
    if "lungs" in film.masks:
        lungs = _drawn_mask(film.masks["lungs"])
        bits |= SIDES_KNOWN | (lungs & (RIGHT | LEFT))
    if "v7" in film.masks:
        both = _drawn_mask(film.masks["v7"])
        bits |= BOTH_KNOWN | np.where(both > 0, BOTH, 0).astype(np.uint8)
    if "lesions" in film.masks:
        lesions = _drawn_mask(film.masks["lesions"])
        bits |= SIDES_KNOWN | OPACITY_KNOWN | (lesions & (RIGHT | LEFT))
        bits |= np.where(lesions & _LESION, OPACITY, 0).astype(np.uint8)
    elif film.healthy or film.boxes is not None:
        bits |= OPACITY_KNOWN
        for box in film.boxes or ():
            top, bottom, left, right = _on_mask_canvas(box)
            bits[top:bottom, left:right] |= OPACITY
    return bits


def _on_mask_canvas(box: Sequence[float]) -> tuple[int, int, int, int]:
    """Place a box of a square film on the canvas: first and last row, first and last column."""
    side = MASK_CANVAS * SQUARE / CANVAS
    margin = (MASK_CANVAS - side) / 2
    left, top, right, bottom = (round(margin + share * side) for share in box)
    return top, bottom, left, right


def _drawn_mask(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as image:
        stored = image.convert("L") if image.mode == "1" else image
        values = np.asarray(stored)
    return _mask_on_canvas(values.astype(np.uint8))


def _sampling(film: Film) -> float:
    """Return how often a film is drawn for a lesson, beside others."""
    if film.scored:
        return 4.0
    if film.copy:
        return 0.4
    if film.zones is not None or "lesions" in film.masks:
        return 3.0
    if film.source == "nih":
        return 1.5 if film.opaque is not None else 0.4
    return {"cxnet": 0.4, "shenzhen": 0.5, "montgomery": 0.7}.get(film.source, 1.0)


def _tables(films: Sequence[Film]) -> dict[str, Floats]:
    count = len(films)
    tables = {
        **{name: np.zeros((count, 2), np.float32) for name in ("points", "point_weights")},
        **{name: np.zeros((count, 2), np.float32) for name in ("sides", "side_weights")},
        **{
            name: np.zeros((count, QUESTIONS), np.float32) for name in ("answers", "answer_weights")
        },
    }
    for row, film in enumerate(films):
        tables["points"][row], tables["point_weights"][row] = _points(film)
        tables["sides"][row], tables["side_weights"][row] = _sides(film)
        _answer(film, tables["answers"][row], tables["answer_weights"][row])
    return tables


def _points(film: Film) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return extent and opacity as shares of their scales, and the weights of both."""
    extent, opacity = shares(film)
    if extent is not None and opacity is not None:
        weight = _COPY_WEIGHT if film.copy else 1.0
        half = _APPROXIMATE if film.release == APPROXIMATE_OPACITY else 1.0
        return (extent, opacity), (weight, weight * half)
    if film.zones is not None:
        share = sum(film.zones) / (ZONES * ZONE_MAXIMUM)
        return (share, share), (_PROXY_WEIGHT, _PROXY_OPACITY_WEIGHT)
    if film.healthy:
        weight = _HEALTHY_WEIGHT[film.source]
        return (0.0, 0.0), (weight, weight)
    if film.unfound:
        return (0.0, 0.0), (_UNFOUND_WEIGHT, _UNFOUND_WEIGHT)
    return (0.0, 0.0), (0.0, 0.0)


def _sides(film: Film) -> tuple[tuple[float, float], tuple[float, float]]:
    (extent, _), (weight, _) = _points(film)
    if film.healthy or (weight and extent == 0 and not film.unfound):
        return (0.0, 0.0), (weight, weight)
    if film.right_share is None or not weight:
        return (0.0, 0.0), (0.0, 0.0)
    # Neither lung can have more than half of the scale.
    right = min(0.5, max(extent - 0.5, extent * film.right_share))
    return (right, extent - right), (weight, weight)


def _answer(film: Film, answers: Floats, weights: Floats) -> None:
    if film.findings is not None:
        answers[:ABNORMAL] = [float(name in film.findings) for name in FINDINGS]
        weights[:ABNORMAL] = _FINDING_WEIGHT
    if film.abnormal is not None and film.source != "nih":
        answers[ABNORMAL], weights[ABNORMAL] = float(film.abnormal), _ABNORMAL_WEIGHT
    if film.opaque is not None or film.healthy:
        answers[OPAQUE], weights[OPAQUE] = float(bool(film.opaque)), 1.0
    if film.zones is not None:
        answers[FIRST_ZONE:] = np.array(film.zones) / ZONE_MAXIMUM
        weights[FIRST_ZONE:] = 1.5
