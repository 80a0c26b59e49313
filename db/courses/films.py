"""The films of persons by one model version, as arrays: what their courses are computed from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import DTypeLike, NDArray
from sqlalchemy import text
from sqlalchemy.orm import Session

from db.courses import binary_copy
from db.courses.binary_copy import Column
from severity.vocabulary.times import next_midnight

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
"""Of PostgreSQL's times."""
MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, eq=False)
class StoredFilms:
    """Dated, valid, scored films: arrays of shape (N,), by person, axis of time and time.

    Of each person first those on the calendar, then those of which only days are known. Films of
    one time come in the order in which a trend shows them.

    Parameters
    ----------
    times
        Microseconds since 2000, as PostgreSQL keeps them. All films of a day of which one has a
        date alone share its beginning: nobody knows their order.
    views
        0 PA, 1 AP, 2 AP supine, 3 unknown: the order of `severity.domain.View`.
    eligible
        In distribution.
    extents, opacities
        Points before they are clipped to their scale.
    shown
        What a course shows of films, and no level rests on: columns of ``course`` by name.
    """

    image_ids: NDArray[np.int64]
    person_ids: NDArray[np.int64]
    times: NDArray[np.int64]
    extents: NDArray[np.float64]
    opacities: NDArray[np.float64]
    views: NDArray[np.int16]
    calendar_known: NDArray[np.bool_]
    eligible: NDArray[np.bool_]
    shown: Mapping[str, Column]

    def __len__(self) -> int:
        """Return the number of films."""
        return len(self.image_ids)


def read(session: Session, model_version_id: int, person_ids: Sequence[int]) -> StoredFilms:
    """Read all films of persons that one model version has scored."""
    persons = ",".join(str(int(person_id)) for person_id in person_ids)
    query = _FILMS.format(persons=persons, model=int(model_version_id))
    columns = binary_copy.read(session, query, {**_COLUMNS, **_SHOWN})
    shown = {name: _without_padding(columns.pop(name)) for name in _SHOWN}
    shown["acquired_at"] = columns["times"]
    for name in ("out_of_distribution", "unlike_processing"):
        shown[name] = np.ma.masked_array(shown[name], shown[name] == b"")
    films = StoredFilms(**columns, shown=shown)
    zones = shown["acquired_zone"]
    return replace(films, times=times_of_known_order(films, ~shown["time_of_day_known"], zones))


def _without_padding(column: Column) -> Column:
    """Return texts without the spaces that give all of them one length."""
    return np.strings.rstrip(column) if column.dtype.kind == "S" else column


def times_of_known_order(
    films: StoredFilms, date_alone: NDArray[np.bool_], zones: Column
) -> NDArray[np.int64]:
    """Return the times of films; those of a day of which one has a date alone are that date's.

    Parameters
    ----------
    date_alone
        Of which films the date alone is known, shape (N,).
    zones
        The names of the zones in which they are that date, ASCII, shape (N,).
    """
    rows = np.arange(len(films))
    begins = (np.diff(films.person_ids, prepend=-1) != 0) | (
        np.diff(films.calendar_known.astype(np.int8), prepend=-1) != 0
    )
    first = np.maximum.accumulate(np.where(begins, rows, 0))
    date = np.maximum.accumulate(np.where(date_alone, rows, -1))
    apart = np.where(date >= first, films.times - films.times[date], _LONGEST_DAY)
    of_day = apart < _SHORTEST_DAY
    for row in np.flatnonzero(~of_day & (apart < _LONGEST_DAY)):
        began = EPOCH + int(films.times[date[row]]) * MICROSECOND
        ends = next_midnight(began, bytes(zones[date[row]]).decode())
        of_day[row] = int(apart[row]) * MICROSECOND < ends - began
    return np.where(of_day, films.times[date], films.times)


def sample(session: Session, model_version_id: int, *, patients: int) -> StoredFilms:
    """Read the films of patients with three or more; of too many patients of always the same."""
    values = {"model": model_version_id, "patients": patients}
    return read(session, model_version_id, list(session.scalars(_SAMPLE, values)))


_SAMPLE = text(
    """
    SELECT person_id FROM patient_summary WHERE model_version_id = :model AND films > 2
    ORDER BY hashint8extended(person_id, 0), person_id LIMIT :patients
    """
)

_COLUMNS = {
    "image_ids": np.int64,
    "person_ids": np.int64,
    "times": np.int64,
    "extents": np.float64,
    "opacities": np.float64,
    "views": np.int16,
    "calendar_known": np.bool_,
    "eligible": np.bool_,
}
_SHOWN: dict[str, DTypeLike] = {
    "geographic_extent": np.float64,
    "opacity": np.float64,
    "simulated": np.bool_,
    "time_of_day_known": np.bool_,
    "acquired_zone": "S64",  # the longest name of a zone has 32 letters
    "out_of_distribution": "S64",
    "unlike_processing": "S16",
}
_SHORTEST_DAY, _LONGEST_DAY = (hours * 3_600_000_000 for hours in (23, 25))  # microseconds

_FILMS = """
    SELECT
        image.id,
        patient.person_id,
        image.acquired_at,
        score.geographic_extent_raw,
        score.opacity_raw,
        CAST(
            CASE image.view WHEN 'PA' THEN 0 WHEN 'AP' THEN 1 WHEN 'AP supine' THEN 2 ELSE 3 END
            AS smallint
        ),
        image.acquired_source <> 'sidecar_offset' AS calendar_known,
        score.out_of_distribution IS NULL,
        score.geographic_extent,
        score.opacity,
        image.simulated,
        NOT is_date_alone(image.acquired_source),
        rpad(image.acquired_zone, 64),
        rpad(coalesce(score.out_of_distribution, ''), 64),
        rpad(coalesce(score.unlike_processing, ''), 16)
    FROM patient
    JOIN study ON study.patient_id = patient.id
    JOIN image ON image.study_id = study.id
    JOIN score ON score.image_id = image.id
    WHERE patient.person_id = ANY (CAST('{{{persons}}}' AS bigint[]))
        AND score.model_version_id = {model}
        AND image.standing = 'valid' AND image.acquired_at IS NOT NULL
    ORDER BY patient.person_id, calendar_known DESC, image.acquired_at, image.image_uid
"""
