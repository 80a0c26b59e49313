"""Writing scores: each with the ledger state that it closes, in one transaction.

What becomes of a batch is decided in Python and then written with one statement a table: a
few statements for each image cost more than preparing it does.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from sqlalchemy import exists, or_, select, text
from sqlalchemy.orm import Session

from db.outcomes import Closed, KnownImage, Outcome, Rejected, Scored, decide
from db.tables import Image, LedgerEntry, Patient, ScoreRow
from severity.domain import Interval, State

_CLOSING = 7_205_991_846_306_021_003  # an arbitrary constant of this project


def close(
    session: Session, run_id: UUID, outcomes: Iterable[Outcome], *, model_version_id: int
) -> list[Closed]:
    """Write scores and rejections, and close their claims.

    What the run no longer holds (its claim was released, because it seemed dead) is left to
    whoever holds it now. What contradicts an image that is already known, or that stands
    before it in the batch, is rejected here, with the reason.

    Closings take turns, from here to the end of their transactions. Two batches that bring
    the same images under other UIDs would otherwise wait for each other, and neither could
    tell what is known while the other is still writing it.

    Returns
    -------
    What was closed; shorter than ``outcomes`` if claims were lost.
    """
    session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _CLOSING})
    outcomes = list(outcomes)
    held = _held(session, run_id, [one.ledger_id for one in outcomes])
    mine = [one for one in outcomes if one.ledger_id in held]
    brought = [one for one in mine if isinstance(one, Scored)]
    accepted, conflicts = decide(brought, _known(session, brought, model_version_id))
    rejected = [one for one in mine if isinstance(one, Rejected)] + conflicts
    _write(session, run_id, accepted, model_version_id)
    _reject(session, rejected)
    return [
        Closed(one.ledger_id, State.SCORED, out_of_distribution=one.score.out_of_distribution)
        for one in accepted
    ] + [Closed(one.ledger_id, State.QUARANTINED, one.reason) for one in rejected]


def _held(session: Session, run_id: UUID, ledger_ids: Sequence[int]) -> set[int]:
    """Lock the entries that the run still holds, until the end of the transaction."""
    return set(
        session.scalars(
            select(LedgerEntry.id)
            .where(
                LedgerEntry.id.in_(ledger_ids),
                LedgerEntry.state == State.CLAIMED,
                LedgerEntry.run_id == run_id,
            )
            .order_by(LedgerEntry.id)
            .with_for_update()
        )
    )


def _known(session: Session, brought: Sequence[Scored], model_version_id: int) -> list[KnownImage]:
    """Find the stored images that share their identity or their pixels with one of these."""
    is_scored = exists().where(
        ScoreRow.image_id == Image.id, ScoreRow.model_version_id == model_version_id
    )
    rows = session.execute(
        select(
            Image.image_uid, Image.pixel_sha256, Patient.patient_key, Image.acquired_at, is_scored
        )
        .join(Patient, Patient.id == Image.patient_id)
        .where(
            or_(
                Image.image_uid.in_([one.record.image_uid for one in brought]),
                Image.pixel_sha256.in_([one.pixel_sha256 for one in brought]),
            )
        )
    )
    return [KnownImage(*row) for row in rows]


def _write(
    session: Session, run_id: UUID, accepted: Sequence[Scored], model_version_id: int
) -> None:
    """Write what images there are, whose, from which visit, their scores; close their claims."""
    if not accepted:
        return
    records, scores = [one.record for one in accepted], [one.score for one in accepted]
    checks = [score.distribution_check for score in scores]
    values = {
        "run": run_id,
        "model": model_version_id,
        "ledger_ids": [one.ledger_id for one in accepted],
        "patients": [one.patient_key for one in accepted],
        "pixels": [one.pixel_sha256 for one in accepted],
        "studies": [record.study_uid for record in records],
        "uids": [record.image_uid for record in records],
        "views": [record.view.value for record in records],
        "times": [record.acquired.at for record in records],
        "sources": [record.acquired.source.value for record in records],
        "zones": [record.acquired.zone for record in records],
        "simulated": [record.simulated for record in records],
        "extents": [score.geographic_extent for score in scores],
        "opacities": [score.opacity for score in scores],
        "raw_extents": [score.geographic_extent_raw for score in scores],
        "raw_opacities": [score.opacity_raw for score in scores],
        "findings": [_json(score.findings) for score in scores],
        **_ends("extent", [score.geographic_extent_interval for score in scores]),
        **_ends("opacity", [score.opacity_interval for score in scores]),
        "references": [one.reference if one else None for one in checks],
        "distances": [one.distance if one else None for one in checks],
        "unlike": [
            score.out_of_distribution.value if score.out_of_distribution else None
            for score in scores
        ],
        "triage": [_json(score.triage) for score in scores],
    }
    for statement in (_PATIENTS, _STUDIES, _IMAGES, _SCORES, _CLOSE_SCORED):
        session.execute(statement, values)


def _json(numbers: Mapping[str, float]) -> str | None:
    return json.dumps(dict(numbers)) if numbers else None


def _ends(name: str, intervals: Sequence[Interval | None]) -> dict[str, list[float | None]]:
    return {
        f"{name}_lows": [one.low if one else None for one in intervals],
        f"{name}_highs": [one.high if one else None for one in intervals],
    }


def _reject(session: Session, rejected: Sequence[Rejected]) -> None:
    values = {
        "ledger_ids": [one.ledger_id for one in rejected],
        "reasons": [one.reason.value for one in rejected],
        "details": [one.detail for one in rejected],
    }
    session.execute(_CLOSE_REJECTED, values)


_PATIENTS = text(
    """
    INSERT INTO patient (patient_key)
    SELECT unnest(CAST(:patients AS text[]))
    ON CONFLICT DO NOTHING
    """
)

_STUDIES = text(
    """
    INSERT INTO study (patient_id, study_uid)
    SELECT patient.id, study_uid
    FROM unnest(CAST(:patients AS text[]), CAST(:studies AS text[]))
        AS brought (patient_key, study_uid)
    JOIN patient USING (patient_key)
    ON CONFLICT DO NOTHING
    """
)

# Known is what another model version scored; anything else was decided before.
_IMAGES = text(
    """
    INSERT INTO image
        (patient_id, study_id, image_uid, pixel_sha256, view, acquired_at, acquired_source,
        acquired_zone, simulated)
    SELECT patient.id, study.id, image_uid, pixel_sha256, view, acquired_at, acquired_source,
        acquired_zone, simulated
    FROM unnest(
        CAST(:patients AS text[]), CAST(:studies AS text[]), CAST(:uids AS text[]),
        CAST(:pixels AS text[]), CAST(:views AS text[]), CAST(:times AS timestamptz[]),
        CAST(:sources AS text[]), CAST(:zones AS text[]), CAST(:simulated AS boolean[])
    ) AS brought
        (patient_key, study_uid, image_uid, pixel_sha256, view, acquired_at, acquired_source,
        acquired_zone, simulated)
    JOIN patient USING (patient_key)
    JOIN study ON study.patient_id = patient.id AND study.study_uid = brought.study_uid
    ON CONFLICT (image_uid) DO NOTHING
    """
)

_SCORES = text(
    """
    INSERT INTO score
        (image_id, patient_id, model_version_id, run_id, geographic_extent, opacity,
        geographic_extent_raw, opacity_raw, findings, extent_low, extent_high, opacity_low,
        opacity_high, likeness_reference, likeness_distance, unlike, triage, acquired_at,
        acquired_source)
    SELECT image.id, image.patient_id, :model, :run, geographic_extent, opacity,
        geographic_extent_raw, opacity_raw, CAST(findings AS jsonb), extent_low, extent_high,
        opacity_low, opacity_high, likeness_reference, likeness_distance, unlike,
        CAST(triage AS jsonb), acquired_at, acquired_source
    FROM unnest(
        CAST(:uids AS text[]), CAST(:extents AS float8[]), CAST(:opacities AS float8[]),
        CAST(:raw_extents AS float8[]), CAST(:raw_opacities AS float8[]),
        CAST(:findings AS text[]), CAST(:extent_lows AS float8[]),
        CAST(:extent_highs AS float8[]), CAST(:opacity_lows AS float8[]),
        CAST(:opacity_highs AS float8[]), CAST(:references AS text[]),
        CAST(:distances AS float8[]), CAST(:unlike AS text[]), CAST(:triage AS text[])
    ) AS brought
        (image_uid, geographic_extent, opacity, geographic_extent_raw, opacity_raw, findings,
        extent_low, extent_high, opacity_low, opacity_high, likeness_reference,
        likeness_distance, unlike, triage)
    JOIN image USING (image_uid)
    """
)

_CLOSE_SCORED = text(
    """
    UPDATE ledger SET state = 'scored', image_id = image.id, closed_at = clock_timestamp()
    FROM unnest(CAST(:ledger_ids AS bigint[]), CAST(:uids AS text[]))
        AS brought (ledger_id, image_uid)
    JOIN image USING (image_uid)
    WHERE ledger.id = brought.ledger_id
    """
)

_CLOSE_REJECTED = text(
    """
    UPDATE ledger SET
        state = 'quarantined', reason = rejected.reason, detail = rejected.detail,
        closed_at = clock_timestamp()
    FROM unnest(
        CAST(:ledger_ids AS bigint[]), CAST(:reasons AS text[]), CAST(:details AS text[])
    ) AS rejected (ledger_id, reason, detail)
    WHERE ledger.id = rejected.ledger_id
    """
)
