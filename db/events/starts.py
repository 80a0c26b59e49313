"""When treatments of persons start, as arrays: what their responses are computed from."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from db.courses import binary_copy

_CONTINUED_DAYS = 3
"""What begins so soon after the end of an event of the same kind and label goes on with it: each
dose of a drug is an event of its own, and only the first one starts a treatment."""


@dataclass(frozen=True, eq=False)
class EventStarts:
    """The starts of events: arrays of shape (E,).

    Parameters
    ----------
    times
        Microseconds since 2000: films up to then were taken before the event.
    """

    event_ids: NDArray[np.int64]
    label_ids: NDArray[np.int32]
    person_ids: NDArray[np.int64]
    times: NDArray[np.int64]
    calendar_known: NDArray[np.bool_]

    def __len__(self) -> int:
        """Return the number of events."""
        return len(self.event_ids)


def read_starts(session: Session, person_ids: Sequence[int]) -> EventStarts:
    """Read the starts of persons' treatments, without removed ones and those that go on."""
    persons = ",".join(str(int(person_id)) for person_id in person_ids)
    query = _STARTS.format(persons=persons, days=_CONTINUED_DAYS)
    return EventStarts(**binary_copy.read(session, query, _COLUMNS))


_COLUMNS = {
    "event_ids": np.int64,
    "label_ids": np.int32,
    "person_ids": np.int64,
    "times": np.int64,
    "calendar_known": np.bool_,
}

_STARTS = """
    SELECT treatments.id, event_label.id, person_id,
        event_start(starts_at, starts_is_date, zone), calendar_known
    FROM (
        SELECT
            event.*,
            person_id,
            max(
                -- Of a date alone the end of that day.
                event_start(
                    coalesce(ends_at, starts_at),
                    CASE WHEN ends_at IS NULL THEN starts_is_date ELSE ends_is_date END,
                    zone
                )
            ) OVER (
                PARTITION BY person_id, calendar_known, kind, label ORDER BY starts_at, event.id
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ) AS ended_at
        FROM patient JOIN event ON event.patient_id = patient.id
        WHERE NOT is_removed AND person_id = ANY (CAST('{{{persons}}}' AS bigint[]))
    ) AS treatments
    JOIN event_label USING (kind, label)
    WHERE ended_at IS NULL OR starts_at > ended_at + interval '{days} days'
"""
