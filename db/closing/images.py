"""Storing images: what is new, and what takes the place of an image under its own key."""

from collections.abc import Sequence

from db.closing import devices
from db.closing.batch import Closing
from db.closing.outcomes import Scored, Supersession
from db.prepared import Prepared


def accept(closing: Closing, scored: Sequence[Scored]) -> None:
    """Store new images with their patients and studies, and accept their objects."""
    if not scored:
        return
    statements = (
        _ADD_PATIENTS,
        _ADD_STUDIES,
        _ADD_IMAGES,
        _ACCEPT_NEW,
        _JUDGE_WORK,
        _DISMISS_REPLACED,
    )
    closing.execute(statements, objects=closing.objects(scored), **_records(closing, scored))


def supersede(closing: Closing, supersessions: Sequence[Supersession]) -> None:
    """Let new objects take the place of those that lay under their keys before them."""
    if not supersessions:
        return
    closing.execute(
        (_SUPERSEDE_OBJECTS, _DROP_WORK), objects=[item.image.object_id for item in supersessions]
    )
    wholes = [item for item in supersessions if not item.is_same_image]
    closing.execute(
        (_LINK,),
        objects=closing.objects([item.scored for item in supersessions]),
        earlier=[item.image.object_id for item in supersessions],
    )
    closing.execute((_SUPERSEDE_IMAGES,), images=[item.image.image_id for item in wholes])
    accept(closing, [item.scored for item in wholes])
    _correct(closing, [item for item in supersessions if item.is_same_image])


def _correct(closing: Closing, supersessions: Sequence[Supersession]) -> None:
    """Let stored images be what their new objects state: their study, time and view."""
    if not supersessions:
        return
    scored = [item.scored for item in supersessions]
    statements = (
        _ADD_PATIENTS,
        _ADD_STUDIES,
        _CORRECT_IMAGES,
        _ACCEPT_KNOWN,
        _DROP_DONE_WORK,
        _JUDGE_WORK,
    )
    closing.execute(
        statements,
        images=[item.image.image_id for item in supersessions],
        objects=closing.objects(scored),
        **_records(closing, scored),
    )


def _records(closing: Closing, scored: Sequence[Scored]) -> dict[str, list[object]]:
    """Return the columns of images, as arrays."""
    records = [item.record for item in scored]
    return {
        "patients": [item.patient_key for item in scored],
        "unissued": [item.unissued_key for item in scored],
        "pixels": [item.pixel_sha256 for item in scored],
        "studies": [record.study_uid for record in records],
        "uids": [record.image_uid for record in records],
        "views": [record.view.value for record in records],
        "times": [record.acquired.at for record in records],
        "sources": [record.acquired.source.value for record in records],
        "zones": [record.acquired.zone for record in records],
        "simulated": [record.simulated for record in records],
        "devices": list[object](devices.ids(closing.session, scored)),
    }


_ADD_PATIENTS = Prepared(
    """
    INSERT INTO patient (patient_key, unissued_key)
    SELECT DISTINCT patient_key, nullif(unissued_key, '')
    FROM unnest(CAST(:patients AS text[]), CAST(:unissued AS text[]))
        AS batch (patient_key, unissued_key)
    WHERE NOT EXISTS (SELECT FROM patient WHERE patient.patient_key = batch.patient_key)
    ON CONFLICT DO NOTHING
    """
)

# A record's study, by what is indexed; without OFFSET all studies of the patient are compared.
_STUDY = """
    SELECT id FROM study
    WHERE study.patient_id = patient.id AND study.study_uid = batch.study_uid
        AND text_digest(study.study_uid) = text_digest(batch.study_uid)
    OFFSET 0
"""

_ADD_STUDIES = Prepared(
    f"""
    INSERT INTO study (patient_id, study_uid)
    SELECT DISTINCT patient.id, study_uid
    FROM unnest(CAST(:patients AS text[]), CAST(:studies AS text[]))
        AS batch (patient_key, study_uid)
    JOIN patient USING (patient_key)
    WHERE NOT EXISTS ({_STUDY})
    ON CONFLICT DO NOTHING
    """  # noqa: S608 - no value of a user is in it
)

# It counts where its object does.
_ADD_IMAGES = Prepared(
    f"""
    INSERT INTO image
        (study_id, source_id, image_uid, pixel_sha256, view, acquired_at, acquired_source,
        acquired_zone, simulated, device_id)
    SELECT study.id, object.source_id, image_uid, decode(pixels, 'hex'), view, acquired_at,
        acquired_source, acquired_zone, simulated, device_id
    FROM unnest(
        CAST(:objects AS bigint[]), CAST(:patients AS text[]), CAST(:studies AS text[]),
        CAST(:uids AS text[]), CAST(:pixels AS text[]), CAST(:views AS projection[]),
        CAST(:times AS timestamptz[]), CAST(:sources AS time_source[]), CAST(:zones AS text[]),
        CAST(:simulated AS boolean[]), CAST(:devices AS integer[])
    ) AS batch
        (object_id, patient_key, study_uid, image_uid, pixels, view, acquired_at,
        acquired_source, acquired_zone, simulated, device_id)
    JOIN object ON object.id = batch.object_id
    JOIN patient USING (patient_key)
    CROSS JOIN LATERAL ({_STUDY}) AS study
    ORDER BY object.id -- lest the planner decides which image comes first
    """  # noqa: S608 - no value of a user is in it
)

_ACCEPT_NEW = Prepared(
    """
    UPDATE object SET
        state = 'accepted', image_id = image.id, run_id = :run, decided_at = clock_timestamp()
    FROM unnest(CAST(:objects AS bigint[]), CAST(:uids AS text[])) AS batch (object_id, image_uid)
    JOIN image ON image.image_uid = batch.image_uid AND image.standing <> 'superseded'
    WHERE object.id = batch.object_id
    """
)

_ACCEPT_KNOWN = Prepared(
    """
    UPDATE object SET
        state = 'accepted', image_id = batch.image_id, run_id = :run,
        decided_at = clock_timestamp()
    FROM unnest(CAST(:objects AS bigint[]), CAST(:images AS bigint[]))
        AS batch (object_id, image_id)
    WHERE object.id = batch.object_id
    """
)

# The other model versions have only to score the image now ...
_JUDGE_WORK = Prepared(
    """
    UPDATE work SET is_judged = true
    WHERE object_id = ANY (CAST(:objects AS bigint[])) AND model_version_id <> :model
    """
)

# ... and nothing at all, if they have or if a person withdrew it.
_DROP_DONE_WORK = Prepared(
    """
    DELETE FROM work USING object, image
    WHERE work.object_id = ANY (CAST(:objects AS bigint[])) AND object.id = work.object_id
        AND image.id = object.image_id
        AND (
            image.standing <> 'valid'
            OR EXISTS (
                SELECT FROM score
                WHERE score.image_id = image.id AND score.model_version_id = work.model_version_id
            )
        )
    """
)

# What was rejected under a key, and is replaced there by an image, needs nobody's attention.
_DISMISS_REPLACED = Prepared(
    """
    UPDATE object SET dismissed_at = now()
    -- By an array: joined, the planner would read all that was ever rejected.
    WHERE id = ANY (ARRAY(
            SELECT replaced.object_id
            FROM sighting JOIN replaced USING (source_id, key_digest)
            WHERE sighting.object_id = ANY (CAST(:objects AS bigint[]))
                AND replaced.object_id <> sighting.object_id
        ))
        AND state = 'rejected' AND dismissed_at IS NULL
        AND NOT EXISTS (
            SELECT FROM sighting AS elsewhere
            WHERE elsewhere.object_id = object.id AND elsewhere.gone_at IS NULL
        )
    """
)

_SUPERSEDE_OBJECTS = Prepared(
    """
    UPDATE object SET
        state = 'rejected', reason = 'superseded', image_id = NULL, run_id = :run,
        detail = 'another file lies under the same key', decided_at = clock_timestamp()
    WHERE id = ANY (CAST(:objects AS bigint[]))
    """
)

_LINK = Prepared(
    """
    UPDATE object SET replaces_id = batch.earlier_id
    FROM unnest(CAST(:objects AS bigint[]), CAST(:earlier AS bigint[]))
        AS batch (object_id, earlier_id)
    WHERE object.id = batch.object_id
    """
)

_DROP_WORK = Prepared("DELETE FROM work WHERE object_id = ANY (CAST(:objects AS bigint[]))")

_SUPERSEDE_IMAGES = Prepared(
    "UPDATE image SET standing = 'superseded' WHERE id = ANY (CAST(:images AS bigint[]))"
)

# It counts where its object does.
_CORRECT_IMAGES = Prepared(
    f"""
    UPDATE image SET
        study_id = study.id, source_id = object.source_id, image_uid = batch.image_uid,
        acquired_at = batch.acquired_at, acquired_source = batch.acquired_source,
        acquired_zone = batch.acquired_zone, view = batch.view, simulated = batch.simulated,
        device_id = batch.device_id
    FROM unnest(
        CAST(:images AS bigint[]), CAST(:objects AS bigint[]), CAST(:patients AS text[]),
        CAST(:studies AS text[]), CAST(:uids AS text[]), CAST(:views AS projection[]),
        CAST(:times AS timestamptz[]), CAST(:sources AS time_source[]), CAST(:zones AS text[]),
        CAST(:simulated AS boolean[]), CAST(:devices AS integer[])
    ) AS batch
        (image_id, object_id, patient_key, study_uid, image_uid, view, acquired_at,
        acquired_source, acquired_zone, simulated, device_id)
    JOIN object ON object.id = batch.object_id
    JOIN patient USING (patient_key)
    CROSS JOIN LATERAL ({_STUDY}) AS study
    WHERE image.id = batch.image_id
    """  # noqa: S608 - no value of a user is in it
)
