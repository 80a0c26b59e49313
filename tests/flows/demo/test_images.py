import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from pydicom import FileDataset, dcmread

from flows.demo.images import write_demo_inbox, write_in_time
from flows.demo.story import DEMO_EXPECTATIONS, DEMO_IMAGES
from severity.domain import Reason

SOURCE_IDENTITY = (b"CompressedSamples", b"9RG1", b"9RG3", b"26210", b"19400305")
FIRST = DEMO_IMAGES[0].name


@pytest.fixture(scope="module")
def inbox(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo") / "inbox"
    write_demo_inbox(folder)
    return folder


@pytest.fixture(scope="module")
def images(inbox: Path) -> list[FileDataset]:
    return [dcmread(inbox / image.name) for image in DEMO_IMAGES]


def test_the_inbox_holds_exactly_the_files_that_have_an_expectation(inbox: Path) -> None:
    assert {path.name for path in inbox.iterdir()} == set(DEMO_EXPECTATIONS)


def test_the_inbox_stays_small(inbox: Path) -> None:
    assert sum(path.stat().st_size for path in inbox.iterdir()) < 40_000_000


def test_each_way_of_ending_is_shown() -> None:
    endings = Counter(DEMO_EXPECTATIONS.values())

    assert endings.pop("scored") == len(DEMO_IMAGES)
    assert set(endings) - {"copy"} <= {reason.value for reason in Reason}
    assert set(endings.values()) == {1}
    assert len(endings) == 6


def test_another_process_repeats_every_byte_and_rewrites_nothing(inbox: Path) -> None:
    (inbox / FIRST).rename(inbox.parent / FIRST)
    before = {path: path.stat().st_mtime_ns for path in inbox.iterdir()}

    again = "from flows.demo.images import write_demo_inbox; from pathlib import Path; "
    again += "from sys import argv; write_demo_inbox(Path(argv[1]))"
    subprocess.run([sys.executable, "-c", again, str(inbox)], check=True)

    assert (inbox / FIRST).read_bytes() == (inbox.parent / FIRST).read_bytes()
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_no_file_carries_the_identity_of_its_source(inbox: Path) -> None:
    traces = {
        (path.name, trace)
        for path in inbox.iterdir()
        for trace in SOURCE_IDENTITY
        if trace in path.read_bytes()
    }

    assert traces == set()


def test_every_image_says_that_it_is_simulated(images: list[FileDataset]) -> None:
    for image in images:
        assert image.ImageType == ["DERIVED", "SECONDARY", "SIMULATED"]
        assert image.PatientID.startswith("SIM-")
        assert str(image.PatientName).startswith("SIMULATED^")
        for text in (image.SeriesDescription, image.ImageComments, image.DerivationDescription):
            assert "SIMULATED" in text


def test_images_are_stored_as_their_source_is(images: list[FileDataset]) -> None:
    for image in images:
        assert (image.Modality, image.BodyPartExamined) == ("CR", "CHEST")
        assert (image.PhotometricInterpretation, image.BitsStored) == ("MONOCHROME1", 15)
        assert (image.WindowCenter, image.WindowWidth) == (15_000, 30_000)
        assert image.pixel_array.min() > 0  # nothing is pure white
        assert image.pixel_array.max() < 30_000


def test_every_image_has_uids_and_pixels_of_its_own(images: list[FileDataset]) -> None:
    levels = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
    uids = {image[level].value for image in images for level in levels}

    assert len(uids) == 3 * len(images)
    assert all(uid.startswith("2.25.") and len(uid) <= 64 for uid in uids)
    assert len({image.PixelData for image in images}) == len(images)


def test_the_times_of_an_image_agree(images: list[FileDataset]) -> None:
    for image, described in zip(images, DEMO_IMAGES, strict=True):
        dates = {image[f"{level}Date"].value for level in ("Study", "Acquisition", "Content")}
        times = {image[f"{level}Time"].value for level in ("Study", "Acquisition", "Content")}
        assert dates == {f"{described.taken:%Y%m%d}"}
        assert times == {f"{described.taken:%H%M%S}"}


def test_what_arrives_late_is_not_there_in_time(inbox: Path, tmp_path: Path) -> None:
    write_in_time(tmp_path)

    late = {path.name for path in inbox.iterdir()} - {path.name for path in tmp_path.iterdir()}
    assert late == {image.name for image in DEMO_IMAGES if image.is_late}
    assert len(late) == 1


def test_a_patient_without_a_name_has_another_identifier(images: list[FileDataset]) -> None:
    identifiers = [image.PatientID for image in images]

    assert len(set(identifiers)) == 9
    assert Counter(identifiers)["SIM-UNNAMED-0006"] == 2


def test_a_worsening_patient_gets_whiter_lungs(images: list[FileDataset]) -> None:
    first, *_, last = [image.pixel_array for image in images if image.PatientID == "SIM-0001"]

    lungs = np.s_[130:460, 90:190]
    assert last[lungs].mean() < 0.8 * first[lungs].mean()  # MONOCHROME1: white is low


def test_the_copy_repeats_an_image_under_another_name(inbox: Path) -> None:
    assert (inbox / "reject-copy.dcm").read_bytes() == (inbox / FIRST).read_bytes()


def test_the_uid_conflict_comes_after_the_image_that_it_contradicts(inbox: Path) -> None:
    original, conflict = dcmread(inbox / FIRST), dcmread(inbox / "reject-uid-conflict.dcm")

    assert conflict.SOPInstanceUID == original.SOPInstanceUID
    assert conflict.PixelData != original.PixelData
    assert sorted(DEMO_EXPECTATIONS).index("reject-uid-conflict.dcm") > len(DEMO_IMAGES)


def test_the_tags_of_the_lateral_state_its_view(inbox: Path) -> None:
    lateral = dcmread(inbox / "reject-lateral.dcm")

    assert lateral.ViewPosition == "LL"
    assert "to be rejected" in lateral.ImageComments


def test_the_extremity_is_readable_and_its_tags_state_the_body_part(inbox: Path) -> None:
    extremity = dcmread(inbox / "reject-extremity.dcm")

    assert extremity.BodyPartExamined == "EXTREMITY"
    assert extremity.pixel_array.shape == (1760, 1760)


def test_the_truncated_file_breaks_off_within_its_pixels(
    inbox: Path, images: list[FileDataset]
) -> None:
    path = inbox / "reject-truncated.dcm"
    truncated = dcmread(path, stop_before_pixels=True)

    promised = 2 * truncated.Rows * truncated.Columns
    assert path.stat().st_size < 0.65 * promised
    assert truncated.SOPInstanceUID not in {image.SOPInstanceUID for image in images}
