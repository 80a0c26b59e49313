"""Every encoding gives the stored values, and none is decoded against the header's word."""

import io
import os
import struct
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC
from math import ceil
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom import dcmread, uid
from pydicom.data import get_testdata_file
from pydicom.encaps import get_frame

from severity.codecs.decoders import DECODERS, LEAST_SIDE_FOR_LOW_BAND
from severity.codecs.helper_processes import DecodingHelpers
from severity.domain import Reason
from severity.errors import HelperUnavailable, RejectedImage, UnreadableImage
from severity.files.reader import read_radiograph
from severity.images.grey_image import Band, GreyImage

Film = Callable[..., bytes]
Pixels = NDArray[np.integer]
LARGE = (LEAST_SIDE_FOR_LOW_BAND + 5, LEAST_SIDE_FOR_LOW_BAND)
HTJ2K = [uid.HTJ2KLossless, uid.HTJ2KLosslessRPCL, uid.HTJ2K]


def read(content: bytes, helpers: DecodingHelpers | None = None) -> GreyImage:
    return read_radiograph(content, None, content_sha256="", zone=UTC, helpers=helpers).grey


def reason(content: bytes) -> Reason:
    with pytest.raises(RejectedImage) as rejected:
        read(content)
    return rejected.value.reason


def real(name: str) -> bytes:
    return Path(get_testdata_file(name, download=False)).read_bytes()


def shown(grey: GreyImage) -> NDArray[np.float64]:
    return (grey.values.astype(np.float64) - grey.black) / (grey.white - grey.black)


# Encoders


def j2k(pixels: Pixels, bits: int, **options: object) -> bytes:
    options = {"level": 0, "reversible": True} | options
    return imagecodecs.jpeg2k_encode(pixels, codecformat="j2k", bitspersample=bits, **options)


def htj2k(pixels: Pixels, bits: int, **options: object) -> bytes:
    """Encode as ``bits`` bits. The encoder knows only 8 and 16, so it is told so afterwards.

    Both count from the middle of the range, which is therefore moved before. Quantisation
    steps of the 9/7 wavelet are relative to the range and move along.
    """
    width = 8 * pixels.dtype.itemsize
    if pixels.dtype.kind == "u":
        pixels = pixels + pixels.dtype.type(2 ** (width - 1) - 2 ** (bits - 1))
    options = {"reversible": True} | options
    encoded = bytearray(imagecodecs.htj2k_encode(pixels, **options))
    encoded[42] -= width - bits
    if not options["reversible"]:
        at = encoded.index(b"\xff\x5c") + 2  # QCD
        encoded[at + 2] += (width - bits) << 5  # guard bits for those that the exponents lose
        for step in range(at + 3, at + int.from_bytes(encoded[at : at + 2], "big"), 2):
            encoded[step] -= (width - bits) << 3
    return bytes(encoded)


def lossless_jpeg(pixels: Pixels, bits: int, predictor: int = 1) -> bytes:
    return imagecodecs.jpeg8_encode(pixels, lossless=True, predictor=predictor, bitspersample=bits)


def jpeg_ls(pixels: Pixels, _bits: int, level: int = 0) -> bytes:
    """Encode as 8 or 16 bits; the encoder knows no others."""
    return imagecodecs.jpegls_encode(pixels, level=level)


LOSSLESS = [
    (uid.JPEGLossless, lambda pixels, bits: lossless_jpeg(pixels, bits, predictor=6)),
    (uid.JPEGLosslessSV1, lossless_jpeg),
    (uid.JPEGLSLossless, jpeg_ls),
    (uid.JPEG2000Lossless, j2k),
    (uid.JPEG2000, j2k),
    *[(syntax, htj2k) for syntax in HTJ2K],
]


# What is decoded


@pytest.mark.parametrize(("syntax", "encode"), LOSSLESS)
@pytest.mark.parametrize("bits", [8, 10, 12, 15, 16])
def test_every_lossless_encoding_gives_the_stored_values(
    dicom_film: Film, grey_film: Callable[..., Pixels], syntax: str, encode: Callable, bits: int
) -> None:
    pixels = grey_film(bits=bits)
    pixels[:2, :2] = [[0, 2**bits - 1], [2**bits - 1, 0]]
    pixels = pixels.astype(np.uint8) if bits == 8 else pixels

    film = read(dicom_film(pixels, bits=bits, syntax=syntax, frame=encode(pixels, bits)))

    assert (film.values == pixels).all()
    assert film.values.dtype == pixels.dtype
    assert (film.black, film.white, film.band) == (0, 2**bits - 1, Band.FULL)


@pytest.mark.parametrize(
    "syntax", [uid.ImplicitVRLittleEndian, uid.ExplicitVRBigEndian, uid.RLELossless]
)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int8, np.int16])
def test_uncompressed_and_run_lengths_give_the_stored_values(
    dicom_film: Film, syntax: str, dtype: type
) -> None:
    limits = np.iinfo(dtype)
    pixels = np.linspace(limits.min, limits.max, 101 * 103).astype(dtype).reshape(101, 103)

    film = read(dicom_film(pixels, bits=limits.bits, syntax=syntax))

    assert (film.values == pixels).all()
    assert film.values.dtype == (np.int16 if dtype == np.int8 else dtype)
    assert (film.black, film.white) == (limits.min, limits.max)


@pytest.mark.parametrize(("syntax", "encode"), LOSSLESS)
@pytest.mark.parametrize("bits", [12, 16])
def test_signed_values_keep_their_sign(
    dicom_film: Film, grey_film: Callable[..., Pixels], syntax: str, encode: Callable, bits: int
) -> None:
    pixels = (grey_film(bits=bits).astype(np.int32) - 2 ** (bits - 1)).astype(np.int16)
    coded = 16 if encode is jpeg_ls else bits
    encoded = pixels if encode in {j2k, htj2k} else pixels.view(np.uint16) & (2**coded - 1)

    film = read(dicom_film(pixels, bits=bits, syntax=syntax, frame=encode(encoded, bits)))

    assert (film.values == pixels).all()


@pytest.mark.parametrize(
    ("syntax", "bits", "encode", "most"),
    [
        (uid.JPEGBaseline8Bit, 8, lambda p: imagecodecs.jpeg8_encode(p, level=95), 4),
        (
            uid.JPEGExtended12Bit,
            12,
            lambda p: imagecodecs.jpeg8_encode(p, level=95, bitspersample=12),
            64,
        ),
        (uid.JPEGLSNearLossless, 16, lambda p: jpeg_ls(p, 16, level=3), 3),
        (uid.JPEG2000, 12, lambda p: j2k(p, 12, level=70, reversible=False), 16),
        (uid.HTJ2K, 12, lambda p: htj2k(p, 12, level=1e-4, reversible=False), 16),
        (uid.HTJ2K, 16, lambda p: htj2k(p, 16, level=1e-5, reversible=False), 16),
    ],
)
def test_lossy_encodings_come_close(
    dicom_film: Film,
    grey_film: Callable[..., Pixels],
    syntax: str,
    bits: int,
    encode: Callable[[Pixels], bytes],
    most: int,
) -> None:
    """Also beside black and white, where what is lost may lie beyond the range."""
    pixels = grey_film(bits=bits)
    pixels[20:40, 20:40] = 2**bits - 1
    pixels[50:90, 20:40] = 0
    pixels = pixels.astype(np.uint8) if bits == 8 else pixels

    film = read(dicom_film(pixels, bits=bits, syntax=syntax, frame=encode(pixels)))

    assert np.abs(film.values.astype(int) - pixels).max() <= most


def test_more_bits_may_be_coded_than_are_stored(
    dicom_film: Film, grey_film: Callable[..., Pixels]
) -> None:
    pixels = grey_film(bits=12)
    for syntax, encode in LOSSLESS:
        film = dicom_film(pixels, bits=12, syntax=syntax, frame=encode(pixels, 16))
        assert (read(film).values == pixels).all()


# Half size


def low_pass_5_3(pixels: Pixels) -> NDArray[np.int64]:
    """The low-pass band of ISO/IEC 15444-1, F.4.8.1, down the columns and then along the rows."""
    for axis in (0, 1):
        x = np.moveaxis(pixels.astype(np.int64), axis, 0)
        even, odd = x[::2], x[1::2]
        following = np.concatenate([even[1:], even[-1:]])[: len(odd)]
        high = odd - (even[: len(odd)] + following) // 2
        before = np.concatenate([high[:1], high])[: len(even)]
        after = np.concatenate([high, high[-1:]])[: len(even)]
        pixels = np.moveaxis(even + (before + after + 2) // 4, 0, axis)
    return pixels


@pytest.fixture
def large(grey_film: Callable[..., Pixels]) -> Callable[[int], Pixels]:
    """A film with letters in black and white, beside which the wavelet overshoots."""

    def film(bits: int) -> Pixels:
        pixels = grey_film(bits=bits, shape=LARGE)
        pixels[200:300, 100:121] = 2**bits - 1
        pixels[1000:1100, 900:921] = 0
        return pixels.astype(np.uint8) if bits == 8 else pixels

    return film


@pytest.mark.parametrize(
    ("syntax", "encode", "bits"),
    [(uid.JPEG2000Lossless, j2k, bits) for bits in (12, 15)]
    + [(syntax, htj2k, 12) for syntax in HTJ2K]
    + [(uid.HTJ2KLossless, htj2k, 15)],
)
@pytest.mark.parametrize("signed", [False, True])
def test_a_large_film_is_decoded_to_half_its_size_exactly(
    dicom_film: Film,
    large: Callable[[int], Pixels],
    syntax: str,
    encode: Callable,
    bits: int,
    signed: bool,  # noqa: FBT001
) -> None:
    pixels = large(bits)
    if signed:
        pixels = (pixels.astype(np.int32) - 2 ** (bits - 1)).astype(np.int16)
    lowest = int(pixels.min())

    film = read(dicom_film(pixels, bits=bits, syntax=syntax, frame=encode(pixels, bits)))

    low = low_pass_5_3(pixels)
    assert low.min() < lowest, "the film overshoots"
    assert film.band == Band.LOW_5_3
    assert (film.rows, film.columns) == LARGE
    assert film.values.shape == (ceil(LARGE[0] / 2), ceil(LARGE[1] / 2))
    assert shown(film) == pytest.approx((low - lowest) / (2**bits - 1), abs=1e-9)


def test_a_film_of_256_grey_levels_is_decoded_in_full(
    dicom_film: Film, large: Callable[[int], Pixels]
) -> None:
    """The wavelet rounds by up to half a level, which would move its score."""
    pixels = large(8)

    film = read(dicom_film(pixels, bits=8, syntax=uid.JPEG2000Lossless, frame=j2k(pixels, 8)))

    assert film.band == Band.FULL
    assert (film.values == pixels).all()


def test_a_real_film_is_decoded_to_half_its_size() -> None:
    plain, lossless = read(real("RG1_UNCR.dcm")), read(real("RG1_J2KR.dcm"))

    assert lossless.band == Band.LOW_5_3
    assert (plain.white, plain.black) == (0, 29999), "MONOCHROME1"
    low = low_pass_5_3(plain.values)
    assert shown(lossless) == pytest.approx((29999 - low) / 29999, abs=1e-9)


def test_a_real_lossy_film_is_decoded_to_half_its_size() -> None:
    plain, lossy = read(real("RG1_UNCR.dcm")), read(real("RG1_J2KI.dcm"))

    assert lossy.band == Band.LOW_9_7
    assert np.abs(shown(lossy) - shown(plain)[::2, ::2]).mean() < 0.01


def test_a_real_film_is_decoded_in_full_where_it_must_be() -> None:
    """The same image uncompressed and compressed without loss."""
    dataset = dcmread(get_testdata_file("RG1_J2KR.dcm", download=False))
    frame = get_frame(dataset.PixelData, 0, number_of_frames=1)
    decoded = imagecodecs.jpeg2k_decode(frame)

    assert (decoded == read(real("RG1_UNCR.dcm")).values).all()


@pytest.mark.parametrize(
    ("options", "band"),
    [
        ({}, Band.LOW_5_3),
        ({"irreversible": True}, Band.LOW_9_7),
        ({"num_resolutions": 1}, Band.FULL),
        ({"tile_size": (512, 512)}, Band.FULL),
        ({"offset": (1, 1), "tile_size": (2000, 2000)}, Band.FULL),
    ],
)
def test_what_has_no_low_band_of_its_own_is_decoded_in_full(
    dicom_film: Film, grey_film: Callable[..., Pixels], options: dict[str, object], band: Band
) -> None:
    pixels = 9000 + grey_film(bits=15, shape=LARGE)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG2000", no_jp2=True, **options)

    film = read(dicom_film(pixels, bits=16, syntax=uid.JPEG2000, frame=file.getvalue()))

    assert film.band == band
    # Not the pixels: Pillow encodes 16 bits in tiles as something else.
    decoded = imagecodecs.jpeg2k_decode(file.getvalue())
    expected = decoded if band == Band.FULL else decoded[::2, ::2]
    values = film.values - int(film.black)  # a band counts from further below
    assert np.abs(values - expected.astype(int)).max() < 8, "of 65,536 grey levels"


@pytest.mark.parametrize(
    ("attributes", "band"),
    [
        ({"WindowCenter": "2048", "WindowWidth": "4096"}, Band.LOW_5_3),
        ({"RescaleSlope": "-2", "RescaleIntercept": "7"}, Band.LOW_5_3),
        ({"WindowCenter": "2000", "WindowWidth": "2000"}, Band.FULL),
        ({"VOILUTFunction": "SIGMOID", "WindowCenter": "2048", "WindowWidth": "4096"}, Band.FULL),
    ],
)
@pytest.mark.parametrize(("syntax", "encode"), [(uid.JPEG2000, j2k), (uid.HTJ2K, htj2k)])
def test_a_window_that_cuts_values_off_needs_the_full_image(
    dicom_film: Film,
    large: Callable[[int], Pixels],
    syntax: str,
    encode: Callable,
    attributes: dict[str, str],
    band: Band,
) -> None:
    pixels = large(12)

    film = read(dicom_film(pixels, syntax=syntax, frame=encode(pixels, 12), **attributes))

    assert film.band == band
    if band == Band.FULL:
        assert (film.values == read(dicom_film(pixels, **attributes)).values).all()


@pytest.mark.parametrize(("syntax", "encode"), [(uid.JPEG2000, j2k), (uid.HTJ2K, htj2k)])
def test_where_no_room_is_left_for_the_overshoot_the_full_image_is_decoded(
    dicom_film: Film, large: Callable[[int], Pixels], syntax: str, encode: Callable
) -> None:
    pixels = large(16)

    film = read(dicom_film(pixels, bits=16, syntax=syntax, frame=encode(pixels, 16)))

    assert film.band == Band.FULL
    assert (film.values == pixels).all()


def test_a_pattern_that_overshoots_most_does_not_wrap_around(dicom_film: Film) -> None:
    pixels = np.zeros(LARGE, np.uint16)
    for rows in (0, 1, 3):  # of 4: the signs of the 5/3 filter
        for columns in (0, 1, 3):
            pixels[rows::4, columns::4] = 2**15 - 1
    for syntax, encode in ((uid.JPEG2000Lossless, j2k), (uid.HTJ2KLossless, htj2k)):
        film = read(dicom_film(pixels, bits=15, syntax=syntax, frame=encode(pixels, 15)))
        assert film.band == Band.FULL
        assert (film.values == pixels).all()


# What the header says, and what the window takes


@pytest.mark.parametrize("width", [1, 3, 100.5, 4096, 4097, 1e6])
@pytest.mark.parametrize("centre", [-3, 0, 0.25, 2047.5, 2048, 4095.75])
@pytest.mark.parametrize("slope", [1, -0.5, 3.3])
def test_values_beyond_a_window_are_black_or_white_and_the_others_exact(
    dicom_film: Film, centre: float, width: float, slope: float
) -> None:
    pixels = np.arange(10_000, dtype=np.uint16).reshape(100, 100) % 4096
    attributes = {
        "RescaleSlope": str(slope),
        "RescaleIntercept": "1.5",
        "WindowCenter": str(centre),
        "WindowWidth": str(width),
        "VOILUTFunction": "LINEAR_EXACT",
    }

    film = read(dicom_film(pixels, **attributes))

    exact = np.clip((pixels * slope + 1.5 - centre) / width + 0.5, 0, 1)
    assert shown(film) == pytest.approx(exact, abs=1e-6)
    assert film.values.min() >= min(film.black, film.white)
    assert film.values.max() <= max(film.black, film.white)


def test_an_uncompressed_film_is_not_copied_to_floats(dicom_film: Film) -> None:
    film = read(dicom_film(WindowCenter="2048", WindowWidth="4096"))

    assert film.values.dtype == np.uint16


# Frames that contradict the header


@pytest.mark.parametrize(("syntax", "encode"), LOSSLESS)
def test_a_frame_of_another_size_is_refused(
    dicom_film: Film, grey_film: Callable[..., Pixels], syntax: str, encode: Callable
) -> None:
    frame = encode(grey_film(shape=(104, 121)), 12)

    assert reason(dicom_film(syntax=syntax, frame=frame)) == Reason.UNTRUSTWORTHY_PIXELS


@pytest.mark.parametrize(("syntax", "encode"), LOSSLESS)
def test_samples_wider_than_the_header_allocates_are_refused(
    dicom_film: Film, grey_film: Callable[..., Pixels], syntax: str, encode: Callable
) -> None:
    pixels = grey_film(bits=12)
    film = dicom_film(pixels.astype(np.uint8), bits=8, syntax=syntax, frame=encode(pixels, 12))

    assert reason(film) == Reason.UNTRUSTWORTHY_PIXELS


@pytest.mark.parametrize(("syntax", "encode"), [(uid.JPEG2000, j2k), (uid.HTJ2K, htj2k)])
def test_a_frame_of_the_other_signedness_is_refused(
    dicom_film: Film, grey_film: Callable[..., Pixels], syntax: str, encode: Callable
) -> None:
    frame = encode(grey_film(), 12)
    film = dicom_film(grey_film().astype(np.int16), syntax=syntax, frame=frame)

    assert reason(film) == Reason.UNTRUSTWORTHY_PIXELS


def test_htj2k_and_jpeg_2000_are_not_taken_for_each_other(
    dicom_film: Film, grey_film: Callable[..., Pixels]
) -> None:
    films = [
        dicom_film(syntax=uid.HTJ2KLossless, frame=j2k(grey_film(), 12)),
        dicom_film(syntax=uid.JPEG2000, frame=htj2k(grey_film(), 12)),
    ]

    assert {reason(film) for film in films} == {Reason.UNTRUSTWORTHY_PIXELS}


@pytest.mark.parametrize(
    "change",
    [
        {"tile": (1, 1)},
        {"layers": 65_535, "precincts": 0x00},
        {"precincts": 0x00},
    ],
)
def test_a_codestream_that_needs_an_account_of_millions_of_parts_is_refused(
    dicom_film: Film, grey_film: Callable[..., Pixels], change: dict[str, int]
) -> None:
    pixels = grey_film(shape=(1500, 1500))
    frame = bytearray(j2k(pixels, 12))
    cod = frame.index(b"\xff\x52")
    if "tile" in change:
        frame[24:32] = struct.pack(">2I", 1, 1)
    if "layers" in change:
        frame[cod + 6 : cod + 8] = struct.pack(">H", change["layers"])
    if "precincts" in change:
        levels = frame[cod + 9]
        frame[cod + 4] |= 1
        frame[cod + 2 : cod + 4] = struct.pack(">H", 12 + levels + 1)
        frame[cod + 14 : cod + 14] = bytes([change["precincts"]] * (levels + 1))

    film = dicom_film(pixels, syntax=uid.JPEG2000, frame=bytes(frame))

    assert reason(film) == Reason.UNSUPPORTED_ENCODING


def test_a_tile_with_coding_parameters_of_its_own_is_refused(
    dicom_film: Film, grey_film: Callable[..., Pixels]
) -> None:
    frame = j2k(grey_film(), 12)
    at = frame.index(b"\xff\x52")
    coding = frame[at : at + 14]
    tile = frame.index(b"\xff\x90")
    length = struct.pack(">I", struct.unpack_from(">I", frame, tile + 6)[0] + len(coding))
    own = frame[: tile + 6] + length + frame[tile + 10 : tile + 12] + coding + frame[tile + 12 :]

    assert reason(dicom_film(syntax=uid.JPEG2000, frame=own)) == Reason.UNSUPPORTED_ENCODING


def rle(*segments: bytes, offsets: list[int] | None = None) -> bytes:
    starts, at = [], 64
    for segment in segments:
        starts.append(at)
        at += len(segment)
    header = [len(segments), *(offsets or starts)]
    return struct.pack("<16I", *header, *[0] * (16 - len(header))) + b"".join(segments)


RUN = bytes([129, 7]) * 97 + bytes([193, 7])  # 128 times 97 and 64 pixels of 104 x 120


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (rle(RUN), Reason.UNTRUSTWORTHY_PIXELS),
        (rle(RUN, RUN, RUN), Reason.UNTRUSTWORTHY_PIXELS),
        (rle(RUN, RUN, offsets=[64, 64]), Reason.CORRUPT),
        (rle(RUN, RUN, offsets=[64, 2**31]), Reason.CORRUPT),
        (rle(RUN, RUN, offsets=[65, 260]), Reason.CORRUPT),
        (rle(RUN, RUN[:100]), Reason.CORRUPT),
        (rle(RUN, RUN * 1000), Reason.CORRUPT),
        (rle(RUN, RUN)[:50], Reason.CORRUPT),
    ],
)
def test_run_lengths_that_are_not_the_image_are_refused(
    dicom_film: Film, frame: bytes, expected: Reason
) -> None:
    assert read(dicom_film(syntax=uid.RLELossless, frame=rle(RUN.replace(b"\7", b"\0"), RUN)))
    assert reason(dicom_film(syntax=uid.RLELossless, frame=frame)) == expected


def test_pixel_data_that_are_not_as_the_transfer_syntax_says_are_refused(
    dicom_film: Film, grey_film: Callable[..., Pixels]
) -> None:
    """Their bytes would be taken for pixels, or pixels for a frame."""
    plain = dicom_film()
    encapsulated = dicom_film(syntax=uid.RLELossless)
    syntaxes = uid.ExplicitVRLittleEndian.encode(), uid.RLELossless.encode()

    assert reason(plain.replace(*syntaxes)) == Reason.CORRUPT
    assert reason(encapsulated.replace(*reversed(syntaxes))) == Reason.CORRUPT


def test_every_transfer_syntax_of_still_images_in_one_part_has_a_decoder() -> None:
    left_out = {uid.JPEG2000MC, uid.JPEG2000MCLossless}  # several components
    for syntax in (
        *uid.RLETransferSyntaxes,
        *uid.JPEGTransferSyntaxes,
        *uid.JPEGLSTransferSyntaxes,
        *uid.JPEG2000TransferSyntaxes,
    ):
        assert (syntax in DECODERS) == (syntax not in left_out)


# Processes that decode


@pytest.fixture(scope="module")
def helpers() -> Iterator[DecodingHelpers]:
    with DecodingHelpers(2) as running:
        yield running


def test_a_helper_answers_as_the_function_would(helpers: DecodingHelpers) -> None:
    assert helpers.run(divmod, 7, 2) == (3, 1)
    assert helpers.run(int, "11", base=2) == 3
    with pytest.raises(ZeroDivisionError):
        helpers.run(divmod, 7, 0)
    assert helpers.run(os.getpid) != os.getpid()


def test_a_helper_gives_the_same_film(helpers: DecodingHelpers) -> None:
    content = real("RG1_J2KR.dcm")
    here, there = read(content), read(content, helpers)

    assert (here.values == there.values).all()
    assert (here.black, here.white, here.band) == (there.black, there.white, there.band)


def test_an_image_that_ends_its_decoder_is_refused_and_no_other(helpers: DecodingHelpers) -> None:
    def work(number: int) -> int | Reason:
        try:
            return helpers.run(abs, -number) if number % 3 else helpers.run(os._exit, 1)
        except UnreadableImage as error:
            return error.reason

    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(work, range(12)))

    assert answers == [number if number % 3 else Reason.CORRUPT for number in range(12)]


def test_a_helper_that_was_ended_by_the_system_is_replaced(helpers: DecodingHelpers) -> None:
    with DecodingHelpers(1) as one:
        first = one.run(os.getpid)
        os.kill(first, 9)
        assert one.run(os.getpid) != first


def test_a_decoder_that_never_ends_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("severity.codecs.helper_processes._SLOWEST_DECODING_SECONDS", 0.2)
    with DecodingHelpers(1) as one, pytest.raises(UnreadableImage):
        one.run(time.sleep, 60)


def test_helpers_end_when_they_are_closed() -> None:
    with DecodingHelpers(1) as one:
        process = one.run(os.getpid)
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


def test_a_helper_that_cannot_start_blames_no_image(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/bin/false")
    with DecodingHelpers(1) as one, pytest.raises(HelperUnavailable):
        one.run(abs, 1)


def test_a_helper_imports_little(helpers: DecodingHelpers) -> None:
    loaded = helpers.run(eval, "sorted(__import__('sys').modules)")

    assert not {"torch", "pydicom", "scipy", "imagecodecs", "prefect"} & set(loaded)
