"""Writing scores: each with the ledger state that it closes, in one transaction.

The outcomes of a batch are decided in Python and then written with one statement a table: a
few statements for each image would cost more than preparing it does.
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

    An object that the run no longer holds (its claim was released, because the run seemed dead)
    is left to the run that holds it now. An image that contradicts one that is already known, or
    that comes before it in the batch, is rejected here, with the reason.

    Closings take turns, from here to the end of their transactions. Two batches with the same
    images under other UIDs would otherwise wait for each other, and neither could know an image
    that the other is still writing.

    Returns
    -------
    The entries that were closed; fewer than ``outcomes`` if claims were lost.
    """
    session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _CLOSING})
    outcomes = list(outcomes)
    claims = _locked_claims(session, run_id, [outcome.ledger_id for outcome in outcomes])
    outcomes = [outcome for outcome in outcomes if outcome.ledger_id in claims]
    batch = [outcome for outcome in outcomes if isinstance(outcome, Scored)]
    accepted, conflicts = decide(batch, _known_images(session, batch, model_version_id))
    rejected = [outcome for outcome in outcomes if isinstance(outcome, Rejected)] + conflicts
    _write(session, run_id, accepted, model_version_id)
    _reject(session, rejected)
    return [
        Closed(scored.ledger_id, State.SCORED, out_of_distribution=scored.score.out_of_distribution)
        for scored in accepted
    ] + [Closed(rejection.ledger_id, State.QUARANTINED, rejection.reason) for rejection in rejected]


def _locked_claims(session: Session, run_id: UUID, ledger_ids: Sequence[int]) -> set[int]:
    """Lock the entries that the run still holds, until the transaction ends; return their ids."""
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


def _known_images(
    session: Session, batch: Sequence[Scored], model_version_id: int
) -> list[KnownImage]:
    """Find the stored images that share their identity or their pixels with one of a batch."""
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
                Image.image_uid.in_([scored.record.image_uid for scored in batch]),
                Image.pixel_sha256.in_([scored.pixel_sha256 for scored in batch]),
            )
        )
    )
    return [KnownImage(*row) for row in rows]


def _write(
    session: Session, run_id: UUID, accepted: Sequence[Scored], model_version_id: int
) -> None:
    """Write patients, studies, images and scores; close the claims."""
    if not accepted:
        return
    records = [scored.record for scored in accepted]
    scores = [scored.score for scored in accepted]
    checks = [score.distribution_check for score in scores]
    values = {
        "run": run_id,
        "model": model_version_id,
        "ledger_ids": [scored.ledger_id for scored in accepted],
        "patients": [scored.patient_key for scored in accepted],
        "pixels": [scored.pixel_sha256 for scored in accepted],
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
        "references": [check.reference if check else None for check in checks],
        "distances": [check.distance if check else None for check in checks],
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
        f"{name}_lows": [interval.low if interval else None for interval in intervals],
        f"{name}_highs": [interval.high if interval else None for interval in intervals],
    }


def _reject(session: Session, rejected: Sequence[Rejected]) -> None:
    values = {
        "ledger_ids": [rejection.ledger_id for rejection in rejected],
        "reasons": [rejection.reason.value for rejection in rejected],
        "details": [rejection.detail for rejection in rejected],
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
        AS batch (patient_key, study_uid)
    JOIN patient USING (patient_key)
    ON CONFLICT DO NOTHING
    """
)

# An image is stored already if another model version scored it; `decide` checked all else.
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
    ) AS batch
        (patient_key, study_uid, image_uid, pixel_sha256, view, acquired_at, acquired_source,
        acquired_zone, simulated)
    JOIN patient USING (patient_key)
    JOIN study ON study.patient_id = patient.id AND study.study_uid = batch.study_uid
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
    ) AS batch
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
        AS batch (ledger_id, image_uid)
    JOIN image USING (image_uid)
    WHERE ledger.id = batch.ledger_id
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
