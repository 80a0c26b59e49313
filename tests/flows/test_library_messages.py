import logging
import warnings
from logging.handlers import BufferingHandler
from pathlib import Path

import pytest
from pydicom.uid import RLELossless

from tests.builders.commands import Command
from tests.builders.encoded_images import dicom_file


def test_messages_of_libraries_on_an_image_go_nowhere(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It quotes values, which may be a patient's."""
    images = {
        "faulty.dcm": dicom_file(PatientID="ROE-1" * 20),
        "broken.dcm": dicom_file(syntax=RLELossless, frame=b"ROE-1" * 20),
    }
    for name, content in images.items():
        (tmp_path / name).write_bytes(content)
    # As in a process that has muted nothing yet. Not caplog, which also listens to what is muted.
    library, listener = logging.getLogger("pydicom"), BufferingHandler(1000)
    monkeypatch.setattr(library, "propagate", True)
    monkeypatch.setattr(library, "handlers", [])
    monkeypatch.setattr(library.root, "handlers", [listener])

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = command("score", *(str(tmp_path / name) for name in images))

    assert "corrupt" in result.out
    assert not [warning for warning in caught if "pydicom" in warning.filename]
    assert not [record for record in listener.buffer if record.name == "pydicom"]
    assert "ROE-1" not in result.out + result.err
