"""What arrives in a year: small DICOM films, copies of them, and files that are none."""

import csv
import os
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from random import Random

import numpy as np
from pydicom import FileDataset, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.uid import UID, ComputedRadiographyImageStorage, ExplicitVRLittleEndian

from benchmarks.small_images import grey_pixels

_ROOT_OF_UIDS = "1.2.826.0.1.3680043.10.1371"
_COPIES, _OTHERS = 0.05, 0.04  # of the films
_ISSUER = "year"


class Kind(StrEnum):
    """What a file is to the ledger."""

    FILM = "film"
    COPY = "copy"
    LATERAL = "lateral"
    DAMAGED = "damaged"


@dataclass(frozen=True)
class Arrival:
    """A file that arrived: its night, name and kind, and the number of the film in it."""

    night: int
    name: str
    kind: Kind
    number: int

    @property
    def image_uid(self) -> str:
        """The UID of the film."""
        return f"{_ROOT_OF_UIDS}.{self.number}"


def arrivals(night: int, films: int) -> Iterator[Arrival]:
    """Yield what arrives before a night: the same for the same night."""
    chance = Random(night)  # noqa: S311 - no secret
    for place in range(films):
        number = night * 1000 + place + 1
        drawn = chance.random()
        kind = Kind.FILM
        if drawn < _OTHERS:
            kind = chance.choice([Kind.LATERAL, Kind.DAMAGED])
        yield Arrival(night, f"{number:07}.dcm", kind, number)
        if kind is Kind.FILM and drawn > 1 - _COPIES:
            yield Arrival(night, f"{number:07}-again.dcm", Kind.COPY, number)


def write_arrival(arrival: Arrival, inbox: Path, *, at: datetime, patients: int) -> None:
    """Write a file into the inbox, whole and at once, with the time of the moved clock."""
    draft = inbox / f".{arrival.name}"
    if arrival.kind is Kind.DAMAGED:
        draft.write_bytes(f"no film {arrival.number}".encode())
    else:
        _write_film(draft, arrival, at=at, patients=patients)
    os.utime(draft, (at.timestamp(), at.timestamp()))
    draft.rename(inbox / arrival.name)


def _write_film(path: Path, arrival: Arrival, *, at: datetime, patients: int) -> None:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = ComputedRadiographyImageStorage
    meta.MediaStorageSOPInstanceUID = UID(arrival.image_uid)
    dataset = FileDataset("", {}, preamble=bytes(128), file_meta=meta)
    taken = at - timedelta(hours=6, seconds=arrival.number % 1000)
    pixels = grey_pixels(arrival.number).astype(np.uint16) << 4
    attributes = {
        "SOPClassUID": ComputedRadiographyImageStorage,
        "SOPInstanceUID": arrival.image_uid,
        "StudyInstanceUID": f"{arrival.image_uid}.1",
        "PatientID": f"P{Random(arrival.number).randrange(patients)}",  # noqa: S311 - no secret
        "IssuerOfPatientID": _ISSUER,
        "Modality": "CR",
        "BodyPartExamined": "CHEST",
        "ViewPosition": "LL" if arrival.kind is Kind.LATERAL else "PA",
        "Manufacturer": "ACME",
        "ManufacturerModelName": "X-1",
        "StationName": f"ROOM{arrival.number % 3}",
        "AcquisitionDate": taken.strftime("%Y%m%d"),
        "AcquisitionTime": taken.strftime("%H%M%S"),
        "StudyDate": taken.strftime("%Y%m%d"),
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": pixels.shape[0],
        "Columns": pixels.shape[1],
        "BitsAllocated": 16,
        "BitsStored": 12,
        "HighBit": 11,
        "PixelRepresentation": 0,
        "PixelData": pixels.tobytes(),
    }
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    dataset["PixelData"].VR = "OW"
    dcmwrite(path, dataset, enforce_file_format=True)


class Arrived:
    """All that arrived so far, in a file beside the site: what is to be accounted for."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.all: list[Arrival] = []
        if file.exists():
            with file.open(newline="") as rows:
                self.all = [
                    Arrival(int(night), name, Kind(kind), int(number))
                    for night, name, kind, number in csv.reader(rows)
                ]

    def add(self, arrival: Arrival) -> None:
        """Note a file that arrived; once more where a night was begun before."""
        if arrival in self.all:
            return
        self.all.append(arrival)
        with self._file.open("a", newline="") as rows:
            csv.writer(rows).writerow(astuple(arrival))

    def of(self, *kinds: Kind) -> list[Arrival]:
        """Return what arrived of these kinds."""
        return [arrival for arrival in self.all if arrival.kind in kinds]
