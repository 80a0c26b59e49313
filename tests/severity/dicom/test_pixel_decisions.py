"""What was decided about the pixels of a film: by which attribute, and what came of it."""

import pytest
from pydicom import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from severity.domain import Decision
from severity.errors import RejectedImage
from tests.builders.encoded_images import dicom_file, grey_image, patches
from tests.builders.reading import read

GREYS = [value // 16 for value in range(4096)]


def decisions(content: bytes) -> dict[str, Decision]:
    return {decision.subject: decision for decision in read(content).decisions}


def table(*entries: int) -> list[Dataset]:
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [len(entries), 0, 8])
    item.add_new("LUTData", "US", list(entries))
    return [item]


def test_a_plain_film_says_how_its_grey_values_are_read() -> None:
    decided = decisions(dicom_file(patches(0, 1000, 4095), bits=12))

    assert decided["encoding"].written == ExplicitVRLittleEndian
    assert decided["stored values"].outcome == "12 bits, 0 to 4095"
    assert decided["modality LUT"].outcome == "none"
    assert decided["VOI LUT"].outcome == "the whole range, 0 to 4095"
    assert decided["polarity"].written == "MONOCHROME2"
    assert decided["orientation"].outcome == "upright"
    assert {"padding", "shutter", "overlays"}.isdisjoint(decided)


@pytest.mark.parametrize(
    ("attributes", "subject", "source", "written"),
    [
        (
            {"WindowCenter": "2048", "WindowWidth": "1000"},
            "VOI LUT",
            "Window Center (0028,1050)",
            "2048 1000",
        ),
        (
            {"WindowCenter": "2048", "WindowWidth": "1000", "VOILUTFunction": "SIGMOID"},
            "VOI LUT",
            "VOI LUT Function (0028,1056)",
            "2048 1000 SIGMOID",
        ),
        ({"VOILUTSequence": table(*GREYS)}, "VOI LUT", "VOI LUT Sequence (0028,3010)", ""),
        (
            {"ModalityLUTSequence": table(*GREYS)},
            "modality LUT",
            "Modality LUT Sequence (0028,3000)",
            "",
        ),
        (
            {"RescaleSlope": "2", "RescaleIntercept": "-100"},
            "modality LUT",
            "Rescale Slope (0028,1053)",
            "2 -100",
        ),
        (
            {"PhotometricInterpretation": "MONOCHROME1"},
            "polarity",
            "Photometric Interpretation (0028,0004)",
            "MONOCHROME1",
        ),
        (
            {
                "ShutterShape": "CIRCULAR",
                "CenterOfCircularShutter": [60, 60],
                "RadiusOfCircularShutter": 50,
            },
            "shutter",
            "Shutter Shape (0018,1600)",
            "CIRCULAR",
        ),
        ({"PatientOrientation": ["L", "H"]}, "orientation", "Patient Orientation", "L\\H"),
        ({"PixelSpacing": [0.2, 0.1]}, "pixel shape", "Pixel Spacing (0028,0030)", "0.2\\0.1"),
    ],
)
def test_each_step_names_the_attribute_that_decided_it(
    attributes: dict[str, object], subject: str, source: str, written: str
) -> None:
    decision = decisions(dicom_file(grey_image(), bits=12, **attributes))[subject]

    assert source in decision.source
    assert decision.written == written


def test_a_window_stands_aside_for_a_table() -> None:
    film = dicom_file(
        patches(0, 1, 1), bits=12, WindowCenter="1", WindowWidth="9", VOILUTSequence=table(0, 255)
    )

    assert decisions(film)["VOI LUT"].outcome == "a table of 2 entries from 0 on, up to 255"


def test_padding_and_how_pixels_lie_say_what_became_of_them() -> None:
    values = grey_image()
    values[:, :10] = 4095
    film = dicom_file(
        values,
        bits=12,
        PixelPaddingValue=4095,
        PhotometricInterpretation="MONOCHROME2",
        PatientOrientation=["R", "H"],
    )

    decided = decisions(film)

    assert decided["padding"].outcome == "areas of 4095 to 4095 are made black"
    assert decided["orientation"].outcome == "upside down, mirrored"


def test_pixels_that_are_refused_say_what_was_decided_before() -> None:
    film = dicom_file(patches(0, 1000, 4095), bits=10)

    with pytest.raises(RejectedImage) as refused:
        read(film)

    subjects = [decision.subject for decision in refused.value.decisions]
    assert subjects[-1] in {"orientation", "padding", "shutter"}
    assert {"encoding", "stored values", "VOI LUT"} <= set(subjects)
