"""When an image was taken."""

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from severity.domain import Acquired, TimeSource
from tests.builders.encoded_images import dicom_file
from tests.builders.reading import published, read

BERLIN = ZoneInfo("Europe/Berlin")

TIMES = {
    "AcquisitionDateTime": "20200401120001",
    "AcquisitionDate": "20200402",
    "AcquisitionTime": "120002",
    "ContentDate": "20200403",
    "ContentTime": "120003",
    "SeriesDate": "20200404",
    "SeriesTime": "120004",
    "StudyDate": "20200405",
    "StudyTime": "120005",
}

ORDER = [
    TimeSource.ACQUISITION_DATETIME,
    TimeSource.ACQUISITION,
    TimeSource.CONTENT,
    TimeSource.SERIES,
    TimeSource.STUDY,
]


@pytest.mark.parametrize("missing", range(5))
@pytest.mark.parametrize("how", ["absent", "empty", "not a date"])
def test_the_time_comes_from_the_first_source_that_has_a_date(missing: int, how: str) -> None:
    attributes = dict(TIMES)
    for keyword in [key for key in TIMES if not key.endswith("Time") or "DateTime" in key][
        :missing
    ]:
        match how:
            case "absent":
                del attributes[keyword]
            case "empty":
                attributes[keyword] = ""
            case _:
                attributes[keyword] = "20200231" + attributes[keyword][8:]

    acquired = read(dicom_file(**attributes)).record.acquired

    assert acquired.source == ORDER[missing]
    assert acquired.at == datetime(2020, 4, missing + 1, 12, 0, missing + 1, tzinfo=UTC)


def test_without_any_date_the_time_is_unknown_and_never_that_of_storage() -> None:
    image = dicom_file(
        StudyDate=None,
        StudyTime="120000",
        InstanceCreationDate="20200401",
        PatientBirthDate="19500101",
        ScheduledProcedureStepStartDate="20200401",
    )

    acquired = read(image).record.acquired

    assert (acquired.at, acquired.source) == (None, TimeSource.UNKNOWN)


@pytest.mark.parametrize(
    "written",
    ["20201340", "20200230", "2020", "0000", "UNKNOWN", "00010101", "19000101", "2020-04-31"],
)
def test_a_date_that_does_not_exist_is_not_a_time(written: str) -> None:
    image = dicom_file(StudyDate=written, TimezoneOffsetFromUTC="+0100")

    assert read(image).record.acquired.source == TimeSource.UNKNOWN


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        ("093015", (9, 30, 15, 0)),
        ("093015.25", (9, 30, 15, 250_000)),
        ("0930", (9, 30, 0, 0)),
        ("09", (9, 0, 0, 0)),
        ("09:30:15", (9, 30, 15, 0)),
        ("235960", (23, 59, 59, 0)),
    ],
)
def test_a_time_of_day_may_be_short(time: str, expected: tuple[int, ...]) -> None:
    acquired = read(dicom_file(StudyTime=time)).record.acquired

    assert acquired.at == datetime(2020, 4, 1, *expected, tzinfo=UTC)
    assert acquired.source == TimeSource.STUDY


@pytest.mark.parametrize("time", ["", "noon", "250000", "126000", "9", "1:"])
@pytest.mark.parametrize(
    ("prefix", "source"),
    [
        ("Acquisition", TimeSource.ACQUISITION_DATE),
        ("Content", TimeSource.CONTENT_DATE),
        ("Series", TimeSource.SERIES_DATE),
        ("Study", TimeSource.STUDY_DATE),
    ],
)
def test_without_a_readable_time_of_day_only_the_date_is_known(
    prefix: str, source: TimeSource, time: str
) -> None:
    date_and_time = {"StudyDate": None, f"{prefix}Date": "20200401", f"{prefix}Time": time}
    acquired = read(dicom_file(**date_and_time), BERLIN).record.acquired

    assert acquired == Acquired(datetime(2020, 3, 31, 22, tzinfo=UTC), source, "Europe/Berlin")
    assert acquired.source.is_date_alone


def test_a_date_and_time_that_is_a_date_alone_says_so() -> None:
    image = dicom_file(AcquisitionDateTime="20200401+0100", StudyDate=None)

    acquired = read(image).record.acquired

    assert acquired.source == TimeSource.ACQUISITION_DATETIME_DATE
    assert acquired.at == datetime(2020, 3, 31, 23, tzinfo=UTC)


@pytest.mark.parametrize(
    ("study_date", "source"),
    [("20200401", TimeSource.STUDY), ("20200402", TimeSource.ACQUISITION_DATE)],
)
def test_a_later_source_of_the_same_date_may_have_the_time_of_day(
    study_date: str, source: TimeSource
) -> None:
    image = dicom_file(
        AcquisitionDate="20200401",
        AcquisitionTime="12:6O",
        StudyDate=study_date,
        StudyTime="101112",
    )

    acquired = read(image).record.acquired

    assert acquired.source == source
    assert acquired.at.date() == date(2020, 4, 1)


@pytest.mark.parametrize("written", ["2020.04.01", "2020-04-01", "2020/4/1", "01.04.2020"])
def test_a_date_that_breaks_the_standard_is_read(written: str) -> None:
    acquired = read(dicom_file(StudyDate=written)).record.acquired

    assert acquired.at == datetime(2020, 4, 1, tzinfo=UTC)
    assert acquired.source == TimeSource.STUDY_DATE


def test_an_offset_in_the_attribute_of_the_time_is_its_zone() -> None:
    acquired = read(dicom_file(StudyTime="120000+0900"), BERLIN).record.acquired

    assert acquired.at == datetime(2020, 4, 1, 3, tzinfo=UTC)
    assert acquired.zone == "UTC+09:00"


@pytest.mark.parametrize(
    ("day", "utc_hour"),
    [("20200115", 11), ("20200715", 10), ("20200329", 10), ("20201025", 11)],
)
def test_the_assumed_zone_knows_daylight_saving(day: str, utc_hour: int) -> None:
    image = dicom_file(StudyDate=day, StudyTime="120000")

    acquired = read(image, BERLIN).record.acquired

    assert acquired.at == datetime.strptime(f"{day}{utc_hour}+0000", "%Y%m%d%H%z")
    assert acquired.zone == "Europe/Berlin"


def test_the_hour_that_is_repeated_in_autumn_is_read_the_same_way_every_time() -> None:
    image = dicom_file(StudyDate="20201025", StudyTime="023000")

    assert read(image, BERLIN).record.acquired.at == datetime(2020, 10, 25, 0, 30, tzinfo=UTC)


def test_the_file_s_offset_goes_before_the_assumed_zone() -> None:
    image = dicom_file(StudyTime="120000", TimezoneOffsetFromUTC="-0430")

    acquired = read(image, BERLIN).record.acquired

    assert acquired.at == datetime(2020, 4, 1, 16, 30, tzinfo=UTC)
    assert acquired.zone == str(timezone(-timedelta(hours=4, minutes=30)))


@pytest.mark.parametrize("offset", ["+2500", "Berlin", "+02", ""])
def test_an_offset_that_is_none_leaves_the_assumed_zone(offset: str) -> None:
    image = dicom_file(StudyTime="120000", TimezoneOffsetFromUTC=offset)

    assert read(image, BERLIN).record.acquired.at == datetime(2020, 4, 1, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "utc_hour", "zone"),
    [
        ("20200401120000+0900", 3, "UTC+09:00"),
        ("20200401120000.000000-0300", 15, "UTC-03:00"),
        ("2020040112+0000", 12, "UTC+00:00"),
        ("20200401120000", 7, "UTC+05:00"),
    ],
)
def test_a_date_and_time_with_its_own_offset_needs_no_other(
    written: str, utc_hour: int, zone: str
) -> None:
    image = dicom_file(AcquisitionDateTime=written, TimezoneOffsetFromUTC="+0500")

    acquired = read(image, BERLIN).record.acquired

    assert acquired.at == datetime(2020, 4, 1, utc_hour, tzinfo=UTC)
    assert acquired.zone == zone
    assert acquired.source == TimeSource.ACQUISITION_DATETIME


def test_a_real_image_s_time_is_that_of_its_content() -> None:
    acquired = read(published("RG1_UNCR.dcm")).record.acquired

    assert acquired.source == TimeSource.CONTENT
    assert acquired.at == datetime(1995, 9, 26, 16, 51, 30, tzinfo=UTC)
