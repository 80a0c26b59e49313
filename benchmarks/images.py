"""The images that all variants read, written for each run, so that all read them equally cold."""

import csv
import io
import itertools
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from pydicom import FileDataset, dcmread
from pydicom.data import get_testdata_file

from benchmarks.jobs import BenchmarkError, Format

_FRONTAL = {"PA", "AP", "AP Supine"}
# One chest radiograph, CR, PA, 1955 x 1841, 15 bits, MONOCHROME1; it comes with pydicom-data.
_DICOM = {Format.UNCOMPRESSED: "RG1_UNCR.dcm", Format.JPEG_2000: "RG1_J2KR.dcm"}


def write_images(form: Format, count: int, *, data: Path, folder: Path) -> tuple[str, ...]:
    """Write images of one format.

    Parameters
    ----------
    form
        ``png-jpeg`` copies frontal images of mixed size from all over the COVID-19 Image Data
        Collection, and repeats them if there are too few. The others write one radiograph
        ``count`` times, each with UIDs of its own, uncompressed also with pixels of its own.
    count
        The number of images.
    data
        The folder that contains ``cidc``.
    folder
        The folder to write into; it is made.

    Returns
    -------
    The files, in the order in which they are to be read.

    Raises
    ------
    BenchmarkError
        The source images of this format are absent.
    """
    folder.mkdir(parents=True)
    contents = _raster(count, data / "cidc") if form is Format.RASTER else _dicom(form, count)
    files = []
    for number, (suffix, content) in enumerate(contents):
        file = folder / f"{number:05d}{suffix}"
        file.write_bytes(content)
        files.append(str(file))
    return tuple(files)


def repeated(images: Sequence[str], count: int, *, folder: Path) -> tuple[str, ...]:
    """Link images under further names, up to ``count``: 5,000 images of 7 MB need no 36 GB."""
    folder.mkdir(parents=True)
    names = []
    for number, image in zip(range(count), itertools.cycle(images), strict=False):
        name = folder / f"{number:05d}{Path(image).suffix}"
        os.link(image, name)
        names.append(str(name))
    return tuple(names)


def _raster(count: int, collection: Path) -> Iterator[tuple[str, bytes]]:
    frontal = _frontal(collection)
    # Evenly from all over the collection, whose neighbours are often images of one patient.
    chosen = [frontal[i * len(frontal) // count] for i in range(min(count, len(frontal)))]
    for file in itertools.islice(itertools.cycle(chosen or frontal), count):
        yield file.suffix, file.read_bytes()


def _frontal(collection: Path) -> list[Path]:
    try:
        with (collection / "metadata.csv").open(encoding="utf-8-sig", newline="") as lines:
            rows = [row for row in csv.DictReader(lines) if row["view"] in _FRONTAL]
    except FileNotFoundError as error:
        raise BenchmarkError(
            "the PNG and JPEG images are those of the COVID-19 Image Data Collection, and "
            "there is no cidc/metadata.csv in the data folder: set it with --data, or leave "
            f"{Format.RASTER} out of --formats"
        ) from error
    return sorted(collection / "images" / row["filename"] for row in rows)


def _dicom(form: Format, count: int) -> Iterable[tuple[str, bytes]]:
    path = get_testdata_file(_DICOM[form], download=False)
    if not isinstance(path, str):
        raise BenchmarkError(f"{_DICOM[form]} is absent: install pydicom-data")
    for number in range(count):
        dataset = dcmread(path)
        _make_another_image(dataset, number)
        if form is Format.UNCOMPRESSED:
            _flip_a_row(dataset, number)
        file = io.BytesIO()
        dataset.save_as(file)
        yield ".dcm", file.getvalue()


def _make_another_image(dataset: FileDataset, number: int) -> None:
    dataset.SOPInstanceUID = f"{dataset.SOPInstanceUID}.{number}"
    dataset.StudyInstanceUID = f"{dataset.StudyInstanceUID}.{number}"
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID


def _flip_a_row(dataset: FileDataset, number: int) -> None:
    """Flip the lowest bit of one row, another one in each image."""
    row_bytes = dataset.Columns * dataset.BitsAllocated // 8
    start = number % dataset.Rows * row_bytes
    pixels = bytearray(dataset.PixelData)
    for at in range(start, start + row_bytes, 2):  # little-endian: the low byte comes first
        pixels[at] ^= 1
    dataset.PixelData = bytes(pixels)
