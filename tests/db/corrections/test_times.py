"""A corrected time of one image, and back to what its file says."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from db.corrections import correct_time, restore_time
from db.errors import RefusedCorrection
from db.reading import trends
from severity.domain import TimeSource
from severity.vocabulary.times import EARLIEST_YEAR
from tests.builders.archive import Archive, Film, model

FILM = Film("a", at=datetime(2020, 3, 1, 12, tzinfo=UTC), zone="UTC+01:00", extent=1)
TIME = "SELECT acquired_at, acquired_source::text, acquired_zone FROM image WHERE id = :image"


def time_of(archive, image):
    return archive.rows(TIME, image=image)[0]


def test_a_corrected_time_moves_the_image_in_the_trend_and_back(archive, author):
    archive.add(FILM, Film("b", at=datetime(2020, 3, 5, tzinfo=UTC), extent=2))
    image = archive.image(FILM)
    before = time_of(archive, image)

    archive.do(correct_time, author, image, datetime(2020, 3, 9, 8, tzinfo=UTC))
    observations = archive.do(trends.trend, "p-1", model().key).observations
    assert [observation.geographic_extent for observation in observations] == [2, 1]
    assert [observation.image_id for observation in observations] == [image + 1, image]
    assert time_of(archive, image)[1] == "corrected"

    assert archive.do(restore_time, author, image)
    assert time_of(archive, image) == before
    assert not archive.do(restore_time, author, image)


def test_a_time_that_was_corrected_to_a_date_and_to_a_time_goes_back_to_the_file_at_once(
    archive, author
):
    archive.add(FILM)
    image = archive.image(FILM)
    before, day = time_of(archive, image), datetime(2021, 3, 9, tzinfo=UTC)
    for is_date_alone in (False, True, False):
        archive.do(correct_time, author, image, day, is_date_alone=is_date_alone)

    assert archive.do(restore_time, author, image)

    assert time_of(archive, image) == before
    assert not archive.do(restore_time, author, image)
    archive.do(correct_time, author, image, day)
    assert archive.do(restore_time, author, image)
    assert time_of(archive, image) == before


def test_a_time_without_a_zone_is_read_in_that_of_the_source(database, author):
    archive = Archive(database, zone="Europe/Berlin")
    archive.add(FILM)

    at = archive.do(correct_time, author, archive.image(FILM), datetime(2020, 7, 1, 12))  # noqa: DTZ001

    assert at == datetime(2020, 7, 1, 10, tzinfo=UTC)
    assert time_of(archive, archive.image(FILM)) == (at, "corrected", "Europe/Berlin")


@pytest.mark.parametrize(
    "first",
    [
        FILM,
        Film("undated", at=None, zone=""),
        Film("offset", time_source=TimeSource.SIDECAR_OFFSET),
    ],
)
def test_the_time_of_the_file_comes_back_after_any_number_of_corrections(archive, author, first):
    archive.add(first)
    image = archive.image(first)
    before = time_of(archive, image)
    berlin = ZoneInfo("Europe/Berlin")

    # The first leaves what may be the same: the instant, the zone.
    archive.do(correct_time, author, image, datetime(2020, 3, 1, 12, tzinfo=UTC))
    archive.do(correct_time, author, image, datetime(2021, 3, 9, 8, tzinfo=berlin))
    archive.do(correct_time, author, image, datetime(2022, 3, 9, 8, tzinfo=UTC))
    archive.do(restore_time, author, image)

    assert time_of(archive, image) == before


def test_a_second_round_of_corrections_goes_back_to_the_file_too(archive, author):
    archive.add(FILM)
    image = archive.image(FILM)
    before = time_of(archive, image)
    for year in (2021, 2022):
        archive.do(correct_time, author, image, datetime(year, 3, 9, 8, tzinfo=UTC))
        archive.do(restore_time, author, image)
        assert time_of(archive, image) == before


@pytest.mark.parametrize(
    "correct", [restore_time, lambda *to: correct_time(*to, datetime.now(UTC))]
)
def test_an_image_that_does_not_exist_is_refused(archive, author, correct):
    with pytest.raises(RefusedCorrection, match="no image 77"):
        archive.do(correct, author, 77)


@pytest.mark.parametrize(
    "at",
    [
        datetime(1, 1, 1),  # noqa: DTZ001
        datetime(EARLIEST_YEAR - 1, 12, 31, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, tzinfo=timezone(timedelta(hours=-12))),
        datetime.now(UTC) + timedelta(days=2),
    ],
)
def test_a_time_that_no_film_has_is_refused(archive, author, at):
    archive.add(FILM)
    image = archive.image(FILM)
    before = time_of(archive, image)

    with pytest.raises(RefusedCorrection):
        archive.do(correct_time, author, image, at)

    assert time_of(archive, image) == before


def test_a_time_of_a_collection_that_is_shifted_into_the_future_is_corrected_there(archive, author):
    film = Film("a", at=datetime(2180, 3, 1, 12, tzinfo=UTC))
    archive.add(film)

    at = datetime(2180, 3, 9, 8, tzinfo=UTC)
    assert archive.do(correct_time, author, archive.image(film), at) == at


def test_a_date_that_a_person_states_is_a_date_alone_and_goes_back_too(archive, author):
    archive.add(FILM)
    image = archive.image(FILM)
    before = time_of(archive, image)

    archive.do(correct_time, author, image, datetime(2021, 3, 9, tzinfo=UTC), is_date_alone=True)
    assert time_of(archive, image)[1] == TimeSource.CORRECTED_DATE
    assert archive.do(restore_time, author, image)
    assert time_of(archive, image) == before
