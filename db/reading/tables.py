"""Courses, the worklist and responses as columns and rows, for DataFrames."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import CursorResult, text
from sqlalchemy.orm import Session

from db.prepared import Prepared
from db.schema import READER_ROLE


@dataclass(frozen=True)
class Table:
    """Rows of a view, with the names of their columns."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]


def read_as_reader(session: Session) -> None:
    """Let this transaction write nothing, and see what dashboards see: views, and no table.

    A login that may not act as the reader's role keeps its own rights.
    """
    session.execute(_READ_ONLY)
    act_as_reader(session)


def act_as_reader(session: Session) -> None:
    """Give this transaction the rights of the reader's role, if the login may act as it."""
    session.execute(_AS_READER, {"role": READER_ROLE})


def course(session: Session, patient_key: str, model_version: str) -> Table:
    """Read the images of one patient with their levels and verdicts, oldest first."""
    return _table(_COURSE.execute(session, {"patient": patient_key, "model": model_version}))


def courses(session: Session, model_version: str) -> Table:
    """Read the images of all patients with their levels and verdicts, patient by patient."""
    return _table(_COURSES.execute(session, {"model": model_version}))


def worklist(session: Session, model_version: str, *, verdict: str | None, limit: int) -> Table:
    """Read the patients who are most probably worse, in their latest episode.

    Parameters
    ----------
    verdict
        Of extent; None for any.
    """
    values = {"model": model_version, "verdict": verdict, "limit": limit}
    return _table(_WORKLIST.execute(session, values))


def responses(
    session: Session, model_version: str, *, patient_key: str | None, label: str | None
) -> Table:
    """Read how levels were just before events and days after their start.

    Parameters
    ----------
    patient_key, label
        Only events of this patient, or of this label; None for any.
    """
    values = {"model": model_version, "patient": patient_key, "label": label}
    return _table(_RESPONSES.execute(session, values))


def _table(result: CursorResult[Any]) -> Table:
    rows = [tuple(row) for row in result]
    return Table(tuple(result.keys()), rows)


_READ_ONLY = text("SET TRANSACTION READ ONLY")

_AS_READER = text(
    """
    SELECT set_config('role', rolname, true) FROM pg_roles
    WHERE rolname = :role AND pg_has_role(rolname, 'member')
    """
)

_COURSE_COLUMNS = """
    patient_key, acquired_at, calendar_known, episode, days_since_baseline, is_baseline, view,
    simulated, out_of_distribution, geographic_extent, extent_level, extent_low, extent_high,
    extent_smoothed_level, extent_smoothed_low, extent_smoothed_high, extent_worse, extent_better,
    extent_within, extent_verdict, opacity, opacity_level, opacity_low, opacity_high,
    opacity_smoothed_level, opacity_smoothed_low, opacity_smoothed_high, opacity_worse,
    opacity_better, opacity_within, opacity_verdict, image_id, model_version, parameters_sha256,
    unlike_processing, time_of_day_known, acquired_zone
"""

# Of the patient of a row; `_COURSES`, of all patients, asks once for all.
_IS_DUE = """
    EXISTS (
        SELECT FROM due_course AS due
        WHERE due.patient_key = {of}.patient_key AND due.model_version = :model
    ) AS is_due
"""

_COURSE = Prepared(
    f"""
    SELECT {_COURSE_COLUMNS}, {_IS_DUE.format(of="patient_course")} FROM patient_course
    WHERE model_version = :model
        AND patient_key = coalesce(
            (SELECT person_key FROM patients WHERE patient_key = :patient), :patient
        )
    ORDER BY calendar_known DESC, acquired_at, image_id
    """  # noqa: S608 - constants
)

_COURSES = Prepared(
    f"""
    SELECT {_COURSE_COLUMNS}, due_course.patient_key IS NOT NULL AS is_due
    FROM patient_course LEFT JOIN due_course USING (patient_key, model_version)
    WHERE model_version = :model
    ORDER BY patient_key, calendar_known DESC, acquired_at, image_id
    """  # noqa: S608 - constants
)

# The image of a time tells whether that is a date alone: of a day of which one image has no more,
# all images have the time of that one here.
_OF_TIME = """
    SELECT time_of_day_known, acquired_zone FROM patient_course AS course
    WHERE course.patient_key = worklist.patient_key AND course.model_version = :model
        AND course.calendar_known = worklist.calendar_known
        AND course.acquired_at = worklist.{at}
    ORDER BY time_of_day_known, image_id DESC LIMIT 1
"""

_WORKLIST = Prepared(
    f"""
    SELECT patient_key, verdict, extent_worse, extent_better, extent_within, latest_at,
        calendar_known, days_since_latest, baseline_at, days_since_baseline, episode, films,
        films_in_episode, latest_view, latest_out_of_distribution, extent_baseline_level,
        extent_latest_level, extent_latest_low, extent_latest_high, extent_peak_level,
        opacity_verdict, opacity_worse, opacity_better, opacity_within, opacity_baseline_level,
        opacity_latest_level, opacity_latest_low, opacity_latest_high, opacity_peak_level,
        model_version, parameters_sha256, latest_unlike_processing,
        latest.time_of_day_known AS latest_time_known, latest.acquired_zone AS latest_zone,
        baseline.time_of_day_known AS baseline_time_known, baseline.acquired_zone AS baseline_zone,
        {_IS_DUE.format(of="worklist")}
    FROM (
        SELECT * FROM worklist
        WHERE model_version = :model AND (:verdict::text IS NULL OR verdict = :verdict)
        ORDER BY worklist_order, patient_key
        LIMIT :limit
    ) AS worklist
    LEFT JOIN LATERAL ({_OF_TIME.format(at="latest_at")}) AS latest ON true
    LEFT JOIN LATERAL ({_OF_TIME.format(at="baseline_at")}) AS baseline ON true
    ORDER BY worklist_order, patient_key
    """  # noqa: S608 - constants
)

_RESPONSES = Prepared(
    f"""
    SELECT patient_key, event_id, kind, label, start_time, end_time, day, is_extrapolated,
        extent_level, extent_low, extent_high, extent_change, extent_change_low,
        extent_change_high, extent_better, extent_worse, extent_within, opacity_level, opacity_low,
        opacity_high, opacity_change, opacity_change_low, opacity_change_high, opacity_better,
        opacity_worse, opacity_within, starts_at, ends_at, calendar_known, source, model_version,
        parameters_sha256, {_IS_DUE.format(of="event_response")}
    FROM event_response
    WHERE model_version = :model
        AND (:patient::text IS NULL OR patient_key = coalesce(
            (SELECT person_key FROM patients WHERE patient_key = :patient), :patient
        ))
        AND (:label::text IS NULL OR label = :label)
    ORDER BY label, patient_key, starts_at, event_id, day
    """  # noqa: S608 - constants
)
