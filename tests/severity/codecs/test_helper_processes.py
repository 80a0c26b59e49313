"""Processes that decode: they answer as the function would, and end without harm."""

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from severity.codecs.helper_processes import DecodingHelpers
from severity.domain import Reason
from severity.errors import HelperUnavailable, UnreadableImage
from tests.builders.reading import published, read


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


def test_a_helper_gives_the_same_image(helpers: DecodingHelpers) -> None:
    content = published("RG1_J2KR.dcm")
    expected, decoded = read(content).grey, read(content, helpers=helpers).grey

    assert (expected.values == decoded.values).all()
    assert (expected.black, expected.white, expected.band) == (
        decoded.black,
        decoded.white,
        decoded.band,
    )


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
    with DecodingHelpers(1) as helper:
        first = helper.run(os.getpid)
        os.kill(first, 9)
        assert helper.run(os.getpid) != first


def test_a_decoder_that_never_ends_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("severity.codecs.helper_processes._SLOWEST_DECODING_SECONDS", 0.2)
    with DecodingHelpers(1) as helper, pytest.raises(UnreadableImage):
        helper.run(time.sleep, 60)


def test_helpers_end_when_they_are_closed() -> None:
    with DecodingHelpers(1) as helper:
        process = helper.run(os.getpid)
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


def test_a_helper_that_cannot_start_blames_no_image(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/bin/false")
    with DecodingHelpers(1) as helper, pytest.raises(HelperUnavailable):
        helper.run(abs, 1)


def test_a_helper_imports_little(helpers: DecodingHelpers) -> None:
    loaded = helpers.run(eval, "sorted(__import__('sys').modules)")

    assert not {"torch", "pydicom", "scipy", "imagecodecs", "prefect"} & set(loaded)
