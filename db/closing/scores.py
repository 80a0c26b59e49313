"""Writing scores: each with the work that it closes, in one transaction.

The outcomes of a batch are decided in Python and then written with one statement a table: a few
statements for each image would cost more than preparing it does.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy.orm import Session

from db.attribution import attribute
from db.closing import images, outputs, unscored
from db.closing.batch import Closing
from db.closing.outcomes import (
    Claimed,
    Closed,
    KnownImage,
    Outcome,
    Rejected,
    Ruling,
    Scored,
    Unreachable,
    decide,
)
from db.ledger import replaced
from db.ledger.claiming import Queue
from db.ledger.lock import commit_early, lock_ledger
from db.prepared import Prepared
from severity.domain import Acquired, Fate, ProcessingCheck, Score, TimeSource, Zone


def close(session: Session, queue: Queue, run_id: int, outcomes: Iterable[Outcome]) -> list[Closed]:
    """Write scores and rejections, and close their claims.

    An object that the run no longer holds (its claim was released, because the run seemed dead)
    is left to the run that holds it now. An object that nobody has judged is judged here: an image
    that repeats or contradicts one that is known, or that comes before it in the batch, is rejected
    with the reason; one that lies under the key of the image that it repeats supersedes it.

    The transaction commits early: see `db.ledger.lock.await_disk`.

    Returns
    -------
    What became of the objects; fewer than ``outcomes`` if claims were lost.
    """
    commit_early(session)
    attribute(
        session,
        who=f"run {run_id}",
        what="superseded",
        why="another file lies under the same key",
    )
    lock_ledger(session)
    outcomes = list(outcomes)
    claimed = _held_claims(session, run_id, [outcome.work_id for outcome in outcomes])
    outcomes = [outcome for outcome in outcomes if outcome.work_id in claimed]
    scored = [outcome for outcome in outcomes if isinstance(outcome, Scored)]
    rejected = [outcome for outcome in outcomes if isinstance(outcome, Rejected)]
    unreachable = [outcome for outcome in outcomes if isinstance(outcome, Unreachable)]
    closing = Closing(session, queue, run_id, claimed)
    ruling = _judge(closing, scored)
    images.supersede(closing, ruling.superseding)
    images.accept(closing, ruling.accepted)
    conflicting = {conflict.work_id for conflict in ruling.conflicts}
    accepted = [outcome for outcome in scored if outcome.work_id not in conflicting]
    _write(closing, accepted)
    return [
        *map(_closed, accepted),
        *unscored.reject(closing, rejected + ruling.conflicts),
        *unscored.put_back(closing, unreachable),
    ]


def _closed(scored: Scored) -> Closed:
    flag = scored.score.out_of_distribution
    return Closed(scored.work_id, Fate.SCORED, out_of_distribution=flag)


def _held_claims(session: Session, run_id: int, work_ids: Sequence[int]) -> dict[int, Claimed]:
    """Lock the claims that the run still holds, until the transaction ends."""
    rows = _HELD.execute(session, {"run": run_id, "ids": list(work_ids)})
    return {row.work_id: Claimed(*row[1:]) for row in rows}


def _judge(closing: Closing, scored: Sequence[Scored]) -> Ruling:
    """Decide on the images that nobody has judged."""
    new = [(item, closing.claimed[item.work_id]) for item in scored if closing.is_new(item)]
    if not new:
        return Ruling()
    stored = _known_images(closing, new)
    patients = {"patients": [item.patient_key for item, _ in new]}
    rows = _PERSONS.execute(closing.session, patients)
    persons = {row.patient_key: row.person_key for row in rows}
    objects = {claim.object_id for _, claim in new} | {image.object_id for image in stored}
    successions = replaced.successions(closing.session, objects)
    by_persons = {(claim.replaces_id, claim.object_id) for _, claim in new if claim.replaces_id}
    return decide(new, stored, persons, successions | by_persons)


def _known_images(closing: Closing, new: Sequence[tuple[Scored, Claimed]]) -> list[KnownImage]:
    """Find the stored images that new ones may repeat, contradict or supersede."""
    values = {
        "uids": [item.record.image_uid for item, _ in new],
        "pixels": [item.pixel_sha256 for item, _ in new],
        "objects": [claim.object_id for _, claim in new],
        "records": [claim.record_sha256 for _, claim in new],
        "replaced": [claim.replaces_id for _, claim in new if claim.replaces_id],
    }
    rows = _KNOWN.execute(closing.session, values).mappings()
    return [_known_image(dict(row)) for row in rows]


def _known_image(columns: dict[str, Any]) -> KnownImage:
    """Convert a row of a stored image, with its object, if it has one."""
    source, zone = TimeSource(columns.pop("acquired_source")), columns.pop("acquired_zone")
    return KnownImage(acquired=Acquired(columns.pop("acquired_at"), source, zone), **columns)


def _write(closing: Closing, scored: Sequence[Scored]) -> None:
    """Write the scores of accepted images, and close their work."""
    if not scored:
        return
    scores = [item.score for item in scored]
    checks = [score.distribution_check for score in scores]
    flags = [score.out_of_distribution for score in scores]
    objects = closing.objects(scored)
    closing.execute(
        (_ADD_SCORES,),
        objects=objects,
        extents=[score.geographic_extent for score in scores],
        opacities=[score.opacity for score in scores],
        raw_extents=[score.geographic_extent_raw for score in scores],
        raw_opacities=[score.opacity_raw for score in scores],
        distances=[check.distance if check else None for check in checks],
        references=[check.reference if check else None for check in checks],
        flags=[flag.value if flag else None for flag in flags],
        **_by_lung(scores),
        **_processing([score.processing_check for score in scores]),
    )
    outputs.write(closing, scored)
    closing.execute((_CLOSE_WORK,), objects=objects)


def _by_lung(scores: Sequence[Score]) -> dict[str, list[float | None]]:
    """Return the columns of lungs and zones; NULL where the network finds no lungs."""
    lungs = [score.lungs for score in scores]
    return {
        "right_extents": [each.right.geographic_extent if each else None for each in lungs],
        "right_opacities": [each.right.opacity if each else None for each in lungs],
        **{zone.value: [each.zones[zone] if each else None for each in lungs] for zone in Zone},
    }


def _processing(checks: Sequence[ProcessingCheck | None]) -> dict[str, list[float | str | None]]:
    """Return the columns of checks of the processing."""
    found = [check.unlike_processing if check else None for check in checks]
    return {
        "processing_distances": [check.distance if check else None for check in checks],
        "processing_references": [check.reference if check else None for check in checks],
        "unlike_processings": [code.value if code else None for code in found],
    }


_HELD = Prepared(
    """
    SELECT work.id AS work_id, object.id AS object_id, object.image_id, object.replaces_id,
        encode(object.record_sha256, 'hex')
    FROM work JOIN object ON object.id = work.object_id
    WHERE work.run_id = :run AND work.state = 'claimed' AND work.id = ANY (CAST(:ids AS bigint[]))
    ORDER BY work.id
    FOR UPDATE OF work
    """
)

_KNOWN = Prepared(
    """
    SELECT image.image_uid, encode(pixel_sha256, 'hex') AS pixel_sha256,
        person.patient_key AS person_key, acquired_at, acquired_source, acquired_zone,
        image.id AS image_id, coalesce(object.id, 0) AS object_id,
        coalesce(encode(object.record_sha256, 'hex'), '') AS record_sha256
    FROM image
    JOIN study ON study.id = image.study_id
    JOIN patient ON patient.id = study.patient_id
    JOIN patient AS person ON person.id = patient.person_id
    LEFT JOIN object ON object.image_id = image.id
    WHERE standing <> 'superseded' AND image.id IN (
        SELECT id FROM image
        WHERE standing <> 'superseded' AND image_uid = ANY (CAST(:uids AS text[]))
        UNION SELECT image.id
        FROM image JOIN unnest(CAST(:pixels AS text[])) AS pixels
            ON pixel_sha256 = decode(pixels, 'hex')
        WHERE standing <> 'superseded'
        UNION SELECT earlier.image_id
        FROM unnest(CAST(:objects AS bigint[]), CAST(:records AS text[]))
            AS batch (object_id, record)
        JOIN sighting USING (object_id)
        JOIN replaced USING (source_id, key_digest)
        JOIN object AS earlier ON earlier.id = replaced.object_id
            AND earlier.record_sha256 = decode(record, 'hex')
        WHERE record <> ''
        UNION SELECT image_id FROM object WHERE id = ANY (CAST(:replaced AS bigint[]))
    )
    """
)

_PERSONS = Prepared(
    """
    SELECT patient_key, person_key FROM patients
    WHERE patient_key = ANY (CAST(:patients AS text[])) AND person_key <> patient_key
    """
)

# A score of the same image that another object brought before is the same score.
_ADD_SCORES = Prepared(
    """
    INSERT INTO score
        (image_id, model_version_id, run_id, geographic_extent, opacity, geographic_extent_raw,
        opacity_raw, distance, distance_reference, out_of_distribution, processing_distance,
        processing_reference, unlike_processing, right_extent,
        right_opacity, right_upper, right_middle, right_lower, left_upper, left_middle, left_lower)
    SELECT object.image_id, :model, :run, geographic_extent, opacity, geographic_extent_raw,
        opacity_raw, distance, distance_reference, out_of_distribution, processing_distance,
        processing_reference, unlike_processing, right_extent,
        right_opacity, right_upper, right_middle, right_lower, left_upper, left_middle, left_lower
    FROM unnest(
        CAST(:objects AS bigint[]), CAST(:extents AS float8[]), CAST(:opacities AS float8[]),
        CAST(:raw_extents AS float8[]), CAST(:raw_opacities AS float8[]),
        CAST(:distances AS float8[]), CAST(:references AS text[]), CAST(:flags AS text[]),
        CAST(:processing_distances AS real[]), CAST(:processing_references AS text[]),
        CAST(:unlike_processings AS text[]),
        CAST(:right_extents AS real[]), CAST(:right_opacities AS real[]),
        CAST(:right_upper AS real[]), CAST(:right_middle AS real[]), CAST(:right_lower AS real[]),
        CAST(:left_upper AS real[]), CAST(:left_middle AS real[]), CAST(:left_lower AS real[])
    ) AS batch
        (object_id, geographic_extent, opacity, geographic_extent_raw, opacity_raw, distance,
        distance_reference, out_of_distribution, processing_distance, processing_reference,
        unlike_processing, right_extent, right_opacity, right_upper,
        right_middle, right_lower, left_upper, left_middle, left_lower)
    JOIN object ON object.id = batch.object_id
    ON CONFLICT DO NOTHING
    """
)

_CLOSE_WORK = Prepared(
    """
    DELETE FROM work
    WHERE object_id = ANY (CAST(:objects AS bigint[])) AND model_version_id = :model
    """
)
