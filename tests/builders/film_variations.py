"""The same film stored in thousands of ways that the standard, or its senders, allow."""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from tests.builders.encoded_images import dicom_file
from tests.builders.encoders import j2k, jpeg_ls, lossless_jpeg
from tests.builders.films import SHAPE, look_up_table, overlay, stored

_ENCODERS: dict[str, Callable[[NDArray[Any], int], bytes]] = {
    JPEG2000Lossless: j2k,
    JPEGLosslessSV1: lossless_jpeg,
    JPEGLSLossless: jpeg_ls,
}
_PLAIN = [ExplicitVRLittleEndian, ImplicitVRLittleEndian]
_SYNTAXES = [
    *_PLAIN,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
    RLELossless,
    *_ENCODERS,
]
_ORIENTATIONS = {
    ("L", "F"): lambda pixels: pixels,
    ("R", "H"): lambda pixels: np.rot90(pixels, 2),
    ("L", "H"): np.flipud,
    ("F", "L"): np.transpose,
    ("F", "R"): lambda pixels: np.fliplr(pixels).T,
    ("H", "L"): lambda pixels: np.flipud(pixels).T,
    ("H", "R"): lambda pixels: np.rot90(pixels, 2).T,
}


@dataclass
class Variation:
    """One way to store the film; ``steps`` says which, for whoever reads a failure."""

    content: bytes = b""
    has_margin: bool = False
    """Whether part of the film is excluded, and so is black."""
    tolerance: float = 0.02
    steps: list[str] = field(default_factory=list)


MARGIN = np.zeros(SHAPE, np.bool_)
MARGIN[:, :20] = MARGIN[-8:] = True


def variation(chance: Random) -> Variation:
    """Store the film in a way drawn by chance."""
    drawn = Variation()
    film = _Stored(chance, drawn)
    for step in (film.rescale, film.show, film.exclude, film.lay, film.add_overlay, film.disguise):
        step()
    drawn.content = film.written()
    return drawn


class _Stored:
    """The film's pixels and attributes on their way into a file."""

    def __init__(self, chance: Random, drawn: Variation) -> None:
        self._chance, self._drawn = chance, drawn
        self._syntax = chance.choice(_SYNTAXES)
        self._bits = chance.randint(8, 16)
        self._signed = chance.random() < 0.3 and self._syntax not in _ENCODERS
        self._offset = 1 << (self._bits - 1) if self._signed else 0
        self._inverse = chance.random() < 0.5
        pixels = stored(self._bits).astype(np.int32)
        self._pixels = (2**self._bits - 1 - pixels if self._inverse else pixels) - self._offset
        self._slope, self._intercept = 1, 0
        self._elements: list[tuple[int, str, object]] = []
        self._attributes: dict[str, object] = {
            "PhotometricInterpretation": f"MONOCHROME{1 if self._inverse else 2}"
        }
        drawn.steps += [str(self._syntax), f"{self._bits} bits", f"signed {self._signed}"]

    def rescale(self) -> None:
        if self._chance.random() < 0.5:
            return
        self._slope = self._chance.choice([1, 2, 5])
        self._intercept = self._chance.choice([-1024, -100, 0, 1000])
        self._attributes |= {
            "RescaleSlope": str(self._slope),
            "RescaleIntercept": str(self._intercept),
        }
        self._drawn.steps.append(f"rescaled by {self._slope} and {self._intercept}")

    def show(self) -> None:
        """Add a window of the whole range, or a table, or neither."""
        low, high = (
            value * self._slope + self._intercept
            for value in (-self._offset, 2**self._bits - 1 - self._offset)
        )
        match self._chance.choice(["none", "window", "exact", "table"]):
            case "window":
                self._attributes |= {
                    "WindowCenter": str((low + high + 1) / 2),
                    "WindowWidth": str(high - low + 1),
                }
            case "exact":
                self._attributes |= {
                    "WindowCenter": str((low + high) / 2),
                    "WindowWidth": str(high - low),
                    "VOILUTFunction": "LINEAR_EXACT",
                }
            case "table" if self._slope == 1 and self._bits <= 14 and abs(low) < 2**15:
                width = self._chance.randint(max(self._bits, 9), 16)
                described = self._chance.choice([width, 16])
                entries = np.rint(np.linspace(0, 2**width - 1, 2**self._bits))
                typed = "SS" if low < 0 and self._chance.random() < 0.5 else "US"
                first = low if typed == "SS" else low % 2**16
                self._attributes["VOILUTSequence"] = look_up_table(
                    entries, bits=described, first=first, vr=typed
                )
                self._drawn.steps.append(f"a table of {width} bits called {described}")

    def exclude(self) -> None:
        """Fill a margin with padding, or hide it behind a shutter."""
        match self._chance.choice(["nothing", "nothing", "padding", "shutter"]):
            case "padding":
                self._pad()
            case "shutter":
                self._drawn.has_margin = True
                self._attributes |= {
                    "ShutterShape": "RECTANGULAR",
                    "ShutterLeftVerticalEdge": "21",
                    "ShutterRightVerticalEdge": str(SHAPE[1]),
                    "ShutterUpperHorizontalEdge": "1",
                    "ShutterLowerHorizontalEdge": str(SHAPE[0] - 8),
                }
            case _:
                return
        self._drawn.steps.append("a margin is excluded")

    def _pad(self) -> None:
        encoded = self._syntax in _ENCODERS
        least = -self._offset
        most = 2**self._bits - 1 - self._offset
        beyond = -(2**15) if self._signed else 2**16 - 1
        choices = [least, most] if encoded or self._bits <= 8 else [least, most, beyond]
        value = self._chance.choice(choices)
        self._pixels[MARGIN] = value
        # The film itself does not have the value.
        inside = self._pixels[~MARGIN]
        step = 1 if value == least or value < 0 else -1
        self._pixels[~MARGIN] = np.where(inside == value, inside + step, inside)
        self._elements.append((0x00280120, "US", value % 2**16))
        self._drawn.has_margin = True

    def lay(self) -> None:
        """Rotate or mirror the film, and say so. A shutter names rows and columns as stored."""
        if "ShutterShape" in self._attributes or self._chance.random() < 0.5:
            return
        orientation = self._chance.choice(list(_ORIENTATIONS))
        self._pixels = np.ascontiguousarray(_ORIENTATIONS[orientation](self._pixels))
        self._attributes["PatientOrientation"] = list(orientation)
        self._drawn.steps.append(f"stored as {orientation}")

    def add_overlay(self) -> None:
        if self._bits in {8, 16} or self._syntax in _ENCODERS:
            return
        if self._chance.random() < 0.7 or (self._pixels.max() >= 2**self._bits):
            return
        if self._pixels.min() < -self._offset:
            return
        bit = self._chance.randint(self._bits, 15)
        self._pixels[::3, 5:60] ^= 1 << bit
        if self._signed:
            self._pixels = self._pixels.astype(np.uint16).view(np.int16).astype(np.int32)
        self._elements += overlay(bit)
        self._drawn.steps.append(f"an overlay in bit {bit}")

    def disguise(self) -> None:
        """Call the film a capture, or state a spacing that is square."""
        if self._chance.random() < 0.2:
            self._attributes["Modality"] = self._chance.choice(["OT", "SC", "DX"])
        if self._chance.random() < 0.3:
            self._attributes["PixelSpacing"] = ["0.143", "0.143"]

    def written(self) -> bytes:
        """Write the file, with zeros behind it or without what stands before its data set."""
        wide = np.int16 if self._signed else np.uint16
        narrow = np.int8 if self._signed else np.uint8
        fits = self._bits == 8 and abs(self._pixels).max() < 256
        pixels = self._pixels.astype(narrow if fits else wide)
        frame = None
        if self._syntax in _ENCODERS:
            frame = _ENCODERS[self._syntax](pixels, self._bits)
            frame += bytes(self._chance.choice([0, 0, 2, 64]))
        content = dicom_file(
            pixels,
            bits=self._bits,
            syntax=self._syntax,
            frame=frame,
            elements=self._elements,
            **self._attributes,
        )
        if self._chance.random() < 0.2:
            self._drawn.steps.append("without a preamble")
            content = content[self._chance.choice([128, 132]) :]
        return content
