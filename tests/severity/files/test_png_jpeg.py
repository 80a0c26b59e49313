"""PNG and JPEG images, and what their sidecar says of them."""

import csv
import resource
import struct
import zlib
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from severity.domain import NO_VALUES, PatientId, Reason, TimeSource, View
from severity.errors import RejectedImage
from severity.files.reader import read_radiograph
from severity.files.sidecar import SidecarRecord, parse_sidecar
from severity.images.preprocessing import to_model_input
from severity.images.radiograph import Radiograph
from severity.pseudonym import DerivedUids
from severity.vocabulary.times import DAY_ZERO
from tests.builders.encoded_images import jpeg_file, png_file

SOMEBODY = SidecarRecord(patient_id="ROE-1")
SECRET = bytes(range(32))
BERLIN = ZoneInfo("Europe/Berlin")
EVERY = 8  # of the real images: enough to meet each kind


def read(
    content: bytes,
    sidecar: SidecarRecord | None = SOMEBODY,
    *,
    sha256: str = "a",
    zone: tzinfo = UTC,
) -> Radiograph:
    return read_radiograph(content, sidecar, uids=DerivedUids(sha256, SECRET), zone=zone)


def reason(content: bytes, sidecar: SidecarRecord | None = SOMEBODY) -> Reason:
    with pytest.raises(RejectedImage) as rejected:
        read(content, sidecar)
    assert "ROE" not in str(rejected.value), "a message never names a patient"
    return rejected.value.reason


def slope(dtype: type = np.uint8) -> NDArray[np.unsignedinteger]:
    """100 x 120 pixels from black to white."""
    return np.linspace(0, np.iinfo(dtype).max, 12_000).astype(dtype).reshape(100, 120)


@pytest.fixture(scope="module")
def png() -> bytes:
    return png_file(slope())


@pytest.fixture(scope="module")
def jpeg() -> bytes:
    return jpeg_file(slope())


def png_claiming(rows: int, columns: int, content: bytes) -> bytes:
    """A PNG whose header, checksum included, says another size."""
    header = b"IHDR" + struct.pack(">2I", columns, rows) + content[24:29]
    return content[:12] + header + struct.pack(">I", zlib.crc32(header)) + content[33:]


# What is shown


def test_an_eight_bit_png_is_read_as_it_is(png: bytes) -> None:
    image = read(png).grey

    assert (image.black, image.white) == (0, 255)
    assert (image.values == slope()).all()


def test_a_sixteen_bit_png_keeps_all_its_bits() -> None:
    image = read(png_file(slope(np.uint16))).grey

    assert (image.black, image.white) == (0, 65535)
    assert (image.values == slope(np.uint16)).all()


def test_a_jpeg_is_read_as_it_is(jpeg: bytes) -> None:
    image = read(jpeg).grey

    assert image.white == 255
    np.testing.assert_allclose(image.values, slope(), rtol=0, atol=8)


@pytest.mark.parametrize("bits", [1, 4])
def test_a_png_of_few_grey_levels_spans_black_to_white(tmp_path: Path, bits: int) -> None:
    Image.fromarray(slope()).quantize(2**bits).save(tmp_path / "few.png", bits=bits)

    image = read((tmp_path / "few.png").read_bytes()).grey

    np.testing.assert_allclose(image.values, slope(), rtol=0, atol=255 / 2**bits)


@pytest.mark.parametrize("kind", ["RGB", "RGBA", "LA"])
def test_grey_stored_as_colour_is_read_as_grey(kind: str) -> None:
    colours = np.asarray(Image.fromarray(slope()).convert(kind))

    assert (read(png_file(colours)).grey.values == slope()).all()


def test_a_slight_tint_is_no_colour_and_the_first_channel_counts() -> None:
    tinted = np.dstack([slope(), slope() // 8 * 7, slope() // 8 * 7])

    assert (read(png_file(tinted)).grey.values == slope()).all()


def test_a_grey_jpeg_stored_as_colour_is_read_as_grey() -> None:
    assert read(jpeg_file(np.dstack([slope()] * 3))).grey.values == pytest.approx(slope(), abs=8)


def test_a_coloured_annotation_does_not_make_a_colour_image() -> None:
    annotated = np.dstack([slope()] * 3)
    annotated[:20, :20] = [255, 0, 0]

    assert read(png_file(annotated))


@pytest.mark.parametrize("colour", [[200, 60, 60], [0, 0, 255], [0, 200, 0]])
def test_a_coloured_image_is_refused(colour: list[int]) -> None:
    image = np.full((100, 100, 3), colour, np.uint8)

    assert reason(png_file(image)) == Reason.COLOUR
    assert reason(jpeg_file(image)) == Reason.COLOUR


@pytest.mark.parametrize("channels", [3, 4])
def test_sixteen_bits_a_channel_are_read_with_eight(channels: int) -> None:
    """Pillow has no wider colour. What is lost is at most 1/256 of the full scale."""
    grey = slope(np.uint16)
    content = wide_png(np.dstack([grey] * 3 + [np.full_like(grey, 65535)])[:, :, :channels])

    image = read(content).grey

    assert image.white == 255
    np.testing.assert_allclose(image.values / 255, grey / 65535, rtol=0, atol=1 / 256)


def wide_png(pixels: NDArray[np.uint16]) -> bytes:
    """Write a PNG of 16 bits a channel, which Pillow cannot."""
    rows, columns, channels = pixels.shape
    kind = {3: 2, 4: 6}[channels]
    lines = pixels.astype(">u2").reshape(rows, -1).view(np.uint8)
    unfiltered = np.hstack([np.zeros((rows, 1), np.uint8), lines]).tobytes()
    parts = [
        (b"IHDR", struct.pack(">2I5B", columns, rows, 16, kind, 0, 0, 0)),
        (b"IDAT", zlib.compress(unfiltered)),
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in parts
    )


# Files that are broken, too large or too small


@pytest.mark.parametrize("lost", [8, 12, 13, 17, 20, 100, 1000])
def test_a_png_that_was_cut_off_is_corrupt(lost: int) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (100, 100)).astype(np.uint8)

    assert reason(png_file(noise)[:-lost]) == Reason.CORRUPT


@pytest.mark.parametrize("lost", [1, 2, 10, 100, 1000, 5000])
def test_a_jpeg_that_was_cut_off_is_corrupt(lost: int) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (100, 100)).astype(np.uint8)

    assert reason(jpeg_file(noise)[:-lost]) == Reason.CORRUPT


def test_a_changed_bit_of_a_png_never_passes_for_an_image() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (100, 100)).astype(np.uint8)
    content = png_file(noise)
    for at in range(33, len(content) - 16, 97):
        damaged = bytearray(content)
        damaged[at] ^= 1

        assert reason(bytes(damaged)) == Reason.CORRUPT


def test_a_decompression_bomb_is_refused_before_anything_is_allocated(
    png: bytes, jpeg: bytes
) -> None:
    start = jpeg.index(b"\xff\xc0")
    wide_jpeg = jpeg[: start + 5] + struct.pack(">2H", 50_000, 50_000) + jpeg[start + 9 :]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    for size in (50_000, 12_000, 9_000):
        assert reason(png_claiming(size, size, png)) == Reason.TOO_LARGE
    assert reason(png_claiming(200, 2_000_000_000, png)) == Reason.TOO_LARGE
    assert reason(wide_jpeg) == Reason.TOO_LARGE
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50 * 1024  # KiB


def test_an_image_too_small_to_show_lungs_is_refused() -> None:
    assert reason(png_file(np.zeros((99, 200), np.uint8))) == Reason.TOO_SMALL


# What the sidecar says


def test_an_image_without_a_record_is_refused(png: bytes) -> None:
    assert reason(png, None) == Reason.NO_SIDECAR_RECORD


def test_an_image_without_a_patient_is_refused(png: bytes) -> None:
    assert reason(png, SidecarRecord(view="PA")) == Reason.NO_PATIENT


@pytest.mark.parametrize("written", sorted(NO_VALUES | {value.lower() for value in NO_VALUES}))
def test_what_programs_write_for_no_patient_is_nobody(png: bytes, written: str) -> None:
    """Films of several people would be one course."""
    assert reason(png, SidecarRecord(patient_id=written)) == Reason.NO_PATIENT


@pytest.mark.parametrize(
    "written", ["1.23457E+11", "1,23457E+11", "1E+11", "1.23457e+11", "1.23457E11"]
)
def test_a_number_that_a_spreadsheet_has_shortened_is_nobody(png: bytes, written: str) -> None:
    """Long numbers that begin alike are one then, and their patients would be one person."""
    assert reason(png, SidecarRecord(patient_id=written)) == Reason.NO_PATIENT


@pytest.mark.parametrize("written", ["-", "--", "?", "***", ".", "^^"])
def test_signs_alone_are_nobody(png: bytes, written: str) -> None:
    assert reason(png, SidecarRecord(patient_id=written)) == Reason.NO_PATIENT


@pytest.mark.parametrize("written", ["12E34", "E+11", "1.5", "A1E+11", "1E11", "0", "患者"])
def test_all_other_identifiers_are_of_a_patient(png: bytes, written: str) -> None:
    assert read(png, SidecarRecord(patient_id=written)).record.patient.value == written


@pytest.mark.parametrize("view", ["L", "lateral", "LAT", "LL", "RL", " Lateral "])
def test_a_lateral_is_refused(png: bytes, view: str) -> None:
    assert reason(png, SidecarRecord("ROE-1", view=view)) == Reason.LATERAL


@pytest.mark.parametrize(
    ("written", "view"),
    [
        ("PA", View.PA),
        ("ap", View.AP),
        ("AP Supine", View.AP_SUPINE),
        ("ap_supine", View.AP_SUPINE),
        ("AP  erect", View.AP),
        ("", View.UNKNOWN),
        ("unknown", View.UNKNOWN),
        ("oblique", View.UNKNOWN),
    ],
)
def test_an_unknown_view_is_scored_and_never_assumed(png: bytes, written: str, view: View) -> None:
    assert read(png, SidecarRecord("ROE-1", view=written)).record.view == view


@pytest.mark.parametrize(
    ("written", "expected", "zone"),
    [
        ("2020-04-01", datetime(2020, 3, 31, 22, tzinfo=UTC), "Europe/Berlin"),
        ("2020-01-15T12:00", datetime(2020, 1, 15, 11, tzinfo=UTC), "Europe/Berlin"),
        ("2020-07-15 12:00:30", datetime(2020, 7, 15, 10, 0, 30, tzinfo=UTC), "Europe/Berlin"),
        ("2020-07-15T12:00Z", datetime(2020, 7, 15, 12, tzinfo=UTC), "UTC+00:00"),
        ("2020-07-15T12:00+09:00", datetime(2020, 7, 15, 3, tzinfo=UTC), "UTC+09:00"),
    ],
)
def test_a_date_is_read_in_its_own_or_the_assumed_zone(
    png: bytes, written: str, expected: datetime, zone: str
) -> None:
    record = SidecarRecord("ROE-1", acquired_at=written, offset_days="99")

    acquired = read(png, record, zone=BERLIN).record.acquired

    assert acquired.at == expected
    source = TimeSource.SIDECAR_DATE if len(written) == len("2020-04-01") else TimeSource.SIDECAR
    assert (acquired.source, acquired.zone) == (source, zone)


@pytest.mark.parametrize(
    ("written", "hours"), [("0", 0), ("3", 72), ("-1", -24), ("1.5", 36), ("36500", 876_000)]
)
def test_days_since_day_0_replace_a_date(png: bytes, written: str, hours: int) -> None:
    acquired = read(png, SidecarRecord("ROE-1", offset_days=written), zone=BERLIN).record.acquired

    assert acquired.at is not None
    assert (acquired.at - DAY_ZERO).total_seconds() == hours * 3600
    assert (acquired.source, acquired.zone) == (TimeSource.SIDECAR_OFFSET, "UTC")


def test_without_a_date_or_days_the_time_is_unknown(png: bytes) -> None:
    acquired = read(png).record.acquired

    assert (acquired.at, acquired.source) == (None, TimeSource.UNKNOWN)


@pytest.mark.parametrize(
    "record",
    [
        SidecarRecord("ROE-1", acquired_at="January 22, 2020"),
        SidecarRecord("ROE-1", acquired_at="2020-02-30"),
        SidecarRecord("ROE-1", acquired_at="0001-01-01"),
        SidecarRecord("ROE-1", acquired_at="2020-02-30", offset_days="3"),
        SidecarRecord("ROE-1", offset_days="three"),
        SidecarRecord("ROE-1", offset_days="nan"),
        SidecarRecord("ROE-1", offset_days="0_5"),
        SidecarRecord("ROE-1", offset_days="inf"),
        SidecarRecord("ROE-1", offset_days="36501"),
        SidecarRecord("ROE-1", offset_days="1e400"),
    ],
)
def test_a_time_that_cannot_be_read_is_not_guessed(png: bytes, record: SidecarRecord) -> None:
    with pytest.raises(RejectedImage) as rejected:
        read(png, record, zone=BERLIN)

    assert rejected.value.reason == Reason.BAD_METADATA


def test_the_patient_is_that_of_the_sidecar(png: bytes) -> None:
    record = read(png, SidecarRecord("ROE-1", issuer="City")).record

    assert record.patient == PatientId("ROE-1", "City")
    assert not record.simulated


# Identity, which these files do not carry


def test_the_same_file_is_the_same_image_and_another_file_is_another(png: bytes) -> None:
    assert read(png, sha256="a").record.image_uid == read(png, sha256="a").record.image_uid
    assert read(png, sha256="a").record.image_uid != read(png, sha256="b").record.image_uid


def study(content: bytes, *, sha256: str = "a", zone: tzinfo = BERLIN, **fields: str) -> str:
    record = SidecarRecord(**({"patient_id": "ROE-1"} | fields))
    return read(content, record, sha256=sha256, zone=zone).record.study_uid


def test_the_images_of_a_patient_s_day_are_one_study(png: bytes) -> None:
    night = study(png, sha256="a", acquired_at="2020-04-01T00:30")
    day = study(png, sha256="b", acquired_at="2020-04-01T12:00")

    assert night == day, "although the first is on another day in UTC"


@pytest.mark.parametrize(
    "other",
    [
        {"acquired_at": "2020-04-02T00:30"},
        {"acquired_at": "2020-04-01", "patient_id": "ROE-2"},
        {"acquired_at": "2020-04-01", "issuer": "Town"},
    ],
)
def test_another_day_or_patient_is_another_study(png: bytes, other: dict[str, str]) -> None:
    assert study(png, acquired_at="2020-04-01") != study(png, **other)


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/Los_Angeles"])
def test_days_since_day_0_are_counted_alike_in_every_zone(png: bytes, zone: str) -> None:
    assert study(png, offset_days="3", zone=ZoneInfo(zone)) == study(png, offset_days="3")
    assert study(png, offset_days="3", zone=ZoneInfo(zone)) != study(png, offset_days="4")


def test_images_without_a_time_are_not_joined_into_one_study(png: bytes) -> None:
    assert study(png, sha256="a") != study(png, sha256="b")


# Real images


def test_every_real_frontal_image_is_read_and_every_lateral_refused(cidc: Path) -> None:
    with (cidc / "metadata.csv").open(newline="", encoding="utf-8") as file:
        views = {row["filename"]: row["view"] for row in csv.DictReader(file)}
    records = parse_sidecar("metadata.csv", (cidc / "metadata.csv").read_bytes())
    assert records.keys() == views.keys()
    laterals = sorted(name for name, view in views.items() if view == "L")
    frontals = sorted(views.keys() - set(laterals))
    wide = "23E99E2E-447C-46E5-8EB2-D35D12473C39.png"  # the one of 16 bits a channel

    for name in {*frontals[::EVERY], wide}:
        image = read((cidc / "images" / name).read_bytes(), records[name], sha256=name)
        assert image.record.view.upper() == views[name].upper()
        assert to_model_input(image.grey).shape == (224, 224)
    for name in laterals[::EVERY]:
        content = (cidc / "images" / name).read_bytes()
        assert reason(content, records[name]) == Reason.LATERAL
