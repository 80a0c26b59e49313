"""Senders of films, as they stand in a hospital: pynetdicom and dcmtk."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread
from pynetdicom import AE
from pynetdicom.association import Association
from pynetdicom.sop_class import ComputedRadiographyImageStorage, Verification

TITLE = "CXRSEVERITY"
SECRET_WORDS = ("Roe^Jane", "4711", "A-17", "1.2.3.")  # of `dicom_films.film_file`


@contextmanager
def sender(
    port: int, *syntaxes: str, title: str = "MODALITY", called: str = TITLE, **options: object
) -> Iterator[Association]:
    """An association that asks for CR in these transfer syntaxes, and for verification."""
    entity = AE(title)
    entity.connection_timeout = entity.acse_timeout = 30
    entity.add_requested_context(Verification)
    entity.add_requested_context(ComputedRadiographyImageStorage, list(syntaxes) or None)
    association = entity.associate("127.0.0.1", port, ae_title=called, **options)
    try:
        yield association
    finally:
        if association.is_established:
            association.release()


def send(association: Association, file: bytes) -> int | None:
    """Send a film; return the status that is answered, None without an answer."""
    status = association.send_c_store(dcmread(BytesIO(file))).get("Status")
    return None if status is None else int(status)


def data_set(file: bytes) -> bytes:
    """Return the bytes of a DICOM file after its file meta information."""
    length = int.from_bytes(file[140:144], "little")  # of (0002,0000), the group's length
    return file[144 + length :]


def dcmtk(program: str, *arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    """Run a program of dcmtk, such as storescu."""
    # Not the one of pynetdicom, whose scripts have the same names.
    own = str(Path(sys.executable).parent)
    places = [place for place in os.environ["PATH"].split(os.pathsep) if place != own]
    found = shutil.which(program, path=os.pathsep.join(places))
    if found is None:
        pytest.skip(f"{program}, of Debian's dcmtk, is not installed")
    return subprocess.run([found, *arguments], capture_output=True, text=True, check=False)


def written(folder: Path) -> Mapping[str, bytes]:
    """The files that a receiver has kept, by key."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.glob("*/*.dcm")}
