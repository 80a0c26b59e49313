"""Results as they are exported: each film's scores, with what its course says at that film."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from db.reading.courses import Band
from db.reading.exports import Selection
from severity.domain import Interval, OutOfDistribution, Scale, UnlikeProcessing, Verdict, View


@dataclass(frozen=True)
class ByLung:
    """What the patient's right and left lung have of one score, in points: they add up to it."""

    right: float
    left: float


@dataclass(frozen=True)
class ScoreResult:
    """One score of a film, in points, and what the course says of its level there.

    ``interval`` is the 90 % prediction interval. ``level`` and the probabilities are those of the
    films so far, compared with the baseline: None where they are not known. ``by_lung`` is None
    where the model draws no lungs.
    """

    points: float
    scale: Scale
    interval: Interval | None
    level: Band | None
    worse: float | None
    better: float | None
    within: float | None
    verdict: Verdict | None
    by_lung: ByLung | None = None

    @property
    def scale_of_lung(self) -> Scale:
        """The scale of what one lung has: half of the score's."""
        return Scale(self.scale.lowest / 2, self.scale.highest / 2)


@dataclass(frozen=True)
class FilmResult:
    """The scores of a film by one model version, and who, when and how.

    ``is_valid`` is False once a person withdrew the film, or another file took its place.
    ``acquired_at`` is None where no date is known; without ``time_of_day_known`` it is midnight in
    ``acquired_zone`` and means the whole day. ``image_uid`` is the hospital's: it stays inside.
    """

    image_id: int
    image_uid: str
    patient_key: str
    model_version: str
    is_valid: bool
    acquired_at: datetime | None
    time_of_day_known: bool
    acquired_zone: str
    view: View
    simulated: bool
    out_of_distribution: OutOfDistribution | None
    scored_at: datetime
    is_baseline: bool
    geographic_extent: ScoreResult
    opacity: ScoreResult
    unlike_processing: UnlikeProcessing | None = None


@dataclass(frozen=True)
class Recipient:
    """A destination that results are sent to, by its id.

    With ``may_have_all`` it may have the result of any film, whatever is recorded.
    """

    destination_id: int
    may_have_all: bool = False


def results(
    session: Session,
    selection: Selection,
    *,
    after: int = 0,
    limit: int,
    recipient: Recipient | None = None,
) -> list[FilmResult]:
    """Read the next films of a selection, by id: the valid ones, and others that were sent.

    Parameters
    ----------
    after
        Only images with a greater id.
    recipient
        Where results were sent: films that it may have and that are not valid any more are read
        too; these, and what was corrected of others since, whenever they were taken.
    """
    values = {
        "model": selection.model_version,
        "patient": selection.patient_key,
        "since": selection.since,
        "after": after,
        "limit": limit,
        "destination": recipient and recipient.destination_id,
        "all": recipient is not None and recipient.may_have_all,
    }
    scales = _scales(session, selection.model_version)
    return [_film(row, *scales) for row in session.execute(_RESULTS, values)]


def _scales(session: Session, model_version: str) -> tuple[Scale, Scale]:
    scales = session.execute(_SCALES, {"model": model_version}).scalar_one()
    return Scale(**scales["geographic_extent"]), Scale(**scales["opacity"])


def _film(row: Row[Any], extent: Scale, opacity: Scale) -> FilmResult:
    reason, processing = row.out_of_distribution, row.unlike_processing
    return FilmResult(
        row.image_id,
        row.image_uid,
        row.patient_key,
        row.model_version,
        row.is_valid,
        row.acquired_at if row.calendar_known else None,
        row.time_of_day_known,
        row.acquired_zone,
        View(row.view),
        row.simulated,
        None if reason is None else OutOfDistribution(reason),
        row.scored_at,
        bool(row.is_baseline),
        _score(row, "geographic_extent", "extent", extent),
        _score(row, "opacity", "opacity", opacity),
        None if processing is None else UnlikeProcessing(processing),
    )


def _score(row: Row[Any], points: str, prefix: str, scale: Scale) -> ScoreResult:
    columns = row._mapping  # noqa: SLF001 - SQLAlchemy's own name of a public attribute
    low, high = columns[f"{prefix}_interval_low"], columns[f"{prefix}_interval_high"]
    level = [columns[f"{prefix}_{end}"] for end in ("level", "low", "high")]
    verdict = columns[f"{prefix}_verdict"]
    right, left = columns[f"right_{prefix}"], columns[f"left_{prefix}"]
    return ScoreResult(
        columns[points],
        scale,
        None if low is None else Interval(low, high),
        None if level[0] is None else Band(*level),
        columns[f"{prefix}_worse"],
        columns[f"{prefix}_better"],
        columns[f"{prefix}_within"],
        None if verdict is None else Verdict(verdict),
        None if right is None else ByLung(right, left),
    )


_SCALES = text("SELECT scales FROM model_versions WHERE model_version = :model")

# Reads one batch of millions: PostgreSQL carries no ">" over to what is equal, so both sides of the
# join have it, and it would hash all that was ever sent for an EXISTS.
#
# Of a film that another file took the place of under the same UID, the result is that of the other.
_RESULTS = text(
    """
    SELECT film.image_id, image.image_uid, film.patient_key, film.model_version,
        film.standing = 'valid' AS is_valid, film.acquired_at, film.calendar_known,
        film.time_of_day_known, film.acquired_zone, film.view, film.simulated,
        film.out_of_distribution, film.unlike_processing, film.scored_at, course.is_baseline,
        film.right_extent, film.left_extent, film.right_opacity, film.left_opacity,
        film.geographic_extent,
        film.extent_low AS extent_interval_low, film.extent_high AS extent_interval_high,
        course.extent_level, course.extent_low, course.extent_high,
        course.extent_worse, course.extent_better, course.extent_within, course.extent_verdict,
        film.opacity,
        film.opacity_low AS opacity_interval_low, film.opacity_high AS opacity_interval_high,
        course.opacity_level, course.opacity_low, course.opacity_high,
        course.opacity_worse, course.opacity_better, course.opacity_within, course.opacity_verdict
    FROM scored_image AS film
    JOIN image ON image.id = film.image_id
    LEFT JOIN patient_course AS course
        ON course.patient_key = film.patient_key
        AND course.model_version = film.model_version
        AND course.image_id = film.image_id
    WHERE film.model_version = :model
        AND film.image_id > :after AND image.id > :after
        AND (CAST(:patient AS text) IS NULL OR film.patient_key = :patient)
        AND (
            CAST(:since AS timestamptz) IS NULL
            OR (film.calendar_known AND film.acquired_at >= :since)
            OR coalesce((
                SELECT film.standing <> 'valid' OR EXISTS (
                    SELECT FROM correction
                    -- By more than a result takes from here to where it is recorded as sent.
                    WHERE correction.image_id = film.image_id
                        AND correction.at > sent.sent_at - interval '1 hour'
                )
                FROM sent WHERE sent.image_id = film.image_id AND destination_id = :destination
                ORDER BY sent_at LIMIT 1
            ), false)
        )
        AND (film.standing = 'valid' OR (
            (:all OR coalesce((
                SELECT true FROM sent JOIN model_version AS version ON version.id = model_version_id
                WHERE sent.image_id = film.image_id AND destination_id = :destination
                    AND version.key = :model
                LIMIT 1
            ), false))
            AND NOT EXISTS (
                SELECT FROM image AS successor
                WHERE successor.image_uid = image.image_uid AND successor.id <> image.id
                    AND successor.standing = 'valid'
                    -- Else no result of this version takes the place of the one that was sent.
                    AND (EXISTS (
                        SELECT FROM score JOIN model_version AS own ON own.id = model_version_id
                        WHERE score.image_id = successor.id AND own.key = :model
                    ) OR EXISTS (
                        SELECT FROM waiting_image AS waits
                        WHERE waits.image_id = successor.id AND waits.model_version = :model
                    ))
            )
        ))
    ORDER BY film.image_id
    LIMIT :limit
    """
)
