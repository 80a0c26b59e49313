"""The acquisition time of a DICOM image."""

from collections.abc import Iterator
from datetime import tzinfo

from pydicom import Dataset

from severity.dicom.attributes import attribute_names, first_text
from severity.domain import Acquired, Decision, TimeSource
from severity.vocabulary.times import Moment, read_moment, read_offset

TIME_ATTRIBUTES = {
    TimeSource.ACQUISITION_DATETIME: ("AcquisitionDateTime",),
    TimeSource.ACQUISITION: ("AcquisitionDate", "AcquisitionTime"),
    TimeSource.CONTENT: ("ContentDate", "ContentTime"),
    TimeSource.SERIES: ("SeriesDate", "SeriesTime"),
    TimeSource.STUDY: ("StudyDate", "StudyTime"),
}
"""The attributes of each source, in the order in which they are tried."""


def acquired(dataset: Dataset, zone: tzinfo) -> tuple[Acquired, Decision]:
    """Return the time of acquisition, and the attributes of the first source that has a date.

    If that has no readable time of day, a later source of the same date may have one; else the
    source states that only the date is known. The time at which a system stored the image is
    never used.

    Parameters
    ----------
    zone
        Assumed where neither the value nor Timezone Offset From UTC (0008,0201) states one.
    """
    zone = read_offset(first_text(dataset, "TimezoneOffsetFromUTC")) or zone
    moments = dict(_moments(dataset, zone))
    if not moments:
        doubt = "no attribute has a date that exists"
        return Acquired(None, TimeSource.UNKNOWN, ""), Decision("time", "unknown", "", doubt=doubt)
    first, moment = next(iter(moments.items()))
    for source, other in moments.items():
        if other.clock is not None and other.day == moment.day:
            return _dated(dataset, source, other, zone)
    return _dated(dataset, first, moment, zone)


def _moments(dataset: Dataset, zone: tzinfo) -> Iterator[tuple[TimeSource, Moment]]:
    for source, keywords in TIME_ATTRIBUTES.items():
        moment = read_moment(*(first_text(dataset, keyword) for keyword in keywords))
        if moment is not None and moment.instant(zone) is not None:
            yield source, moment


def _dated(
    dataset: Dataset, source: TimeSource, moment: Moment, zone: tzinfo
) -> tuple[Acquired, Decision]:
    decision = Decision(
        "time",
        str(moment),
        attribute_names(*TIME_ATTRIBUTES[source]),
        " ".join(first_text(dataset, keyword) for keyword in TIME_ATTRIBUTES[source]).strip(),
        "" if moment.clock else "no readable time of day: only the date is known",
    )
    known = source if moment.clock else source.of_date_alone
    return Acquired(moment.instant(zone), known, str(moment.zone or zone)), decision
