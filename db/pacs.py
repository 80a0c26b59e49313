"""The films that a PACS names: which of them are here, which were fetched, and which failed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from sqlalchemy import text
from sqlalchemy.orm import Session

from db.prepared import array_text


class Whereabouts(StrEnum):
    """What is known here of a film that a PACS named.

    A file of a ``FETCHED`` film was in the drop folder. If it is not there now, it went before a
    pass could judge it.
    """

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    WAITING = "waiting"
    FETCHED = "fetched"
    FAILED = "failed"


@dataclass(frozen=True)
class NamedInstance:
    """A film as a PACS names it. ``instance`` is its keyed digest, never its UID."""

    instance: str
    study_date: date
    modality: str


@dataclass(frozen=True)
class Known:
    """Where a film is, and how often it was asked for in vain.

    ``is_old`` says that it was named, fetched or asked for last more than a day ago.
    """

    whereabouts: Whereabouts
    tries: int
    is_old: bool = False


def register(session: Session, location: str) -> int:
    """Return the id of a PACS, which is stored if it is new."""
    session.execute(_REGISTER, {"location": location})
    return int(session.execute(_PACS, {"location": location}).scalar_one())


def name_instances(session: Session, pacs_id: int, instances: Sequence[NamedInstance]) -> None:
    """Enter the films that a PACS names; one that it named before keeps its state.

    Its study date and modality become those that are named now: both may be corrected.
    """
    values = {
        "pacs": pacs_id,
        "instances": array_text([named.instance for named in instances]),
        "days": array_text([named.study_date for named in instances]),
        "modalities": array_text([named.modality for named in instances]),
    }
    session.execute(_NAME, values)


def named_on(session: Session, pacs_id: int, day: date, modality: str) -> set[str]:
    """Return the digests of the films that a PACS ever named of a study date and modality.

    Without those of which a person said that they do not count: withdrawn, or rejected and
    dismissed.
    """
    values = {"pacs": pacs_id, "day": day, "modality": modality}
    return set(session.execute(_NAMED_ON, values).scalars())


def known(session: Session, pacs_id: int, uids: Mapping[str, str]) -> dict[str, Known]:
    """Look up where films are.

    Parameters
    ----------
    uids
        The SOP instance UIDs by digest: images are stored by their UIDs, all else by the digest.

    Returns
    -------
    What is known by digest. A film of which nothing is known, or whose file went before it was
    read, is left out.
    """
    values = {
        "pacs": pacs_id,
        "instances": array_text(list(uids)),
        "uids": array_text(list(uids.values())),
    }
    rows = session.execute(_KNOWN, values)
    return {
        row.instance: Known(Whereabouts(row.whereabouts), row.tries or 0, bool(row.is_old))
        for row in rows
    }


def record_fetched(session: Session, pacs_id: int, instance: str) -> None:
    """Record that a film's file is in the drop folder."""
    session.execute(_FETCHED, {"pacs": pacs_id, "instance": instance})


def record_failed(session: Session, pacs_id: int, instance: str, reason: str) -> None:
    """Record that a PACS named a film and did not give it, and count the try."""
    session.execute(_FAILED, {"pacs": pacs_id, "instance": instance, "reason": reason})


def forget_before(session: Session, pacs_id: int, day: date) -> int:
    """Delete what is known of films of earlier study dates, which no question will name again.

    Returns
    -------
    How many rows were deleted.
    """
    return len(session.execute(_FORGET, {"pacs": pacs_id, "day": day}).all())


_REGISTER = text("INSERT INTO pacs (location) VALUES (:location) ON CONFLICT (location) DO NOTHING")

_PACS = text("SELECT id FROM pacs WHERE location = :location")

_NAME = text(
    """
    INSERT INTO pacs_instance (pacs_id, instance, study_date, modality)
    SELECT :pacs, instance, study_date, modality
    FROM unnest(
        CAST(:instances AS text[]), CAST(:days AS date[]), CAST(:modalities AS text[])
    ) AS named (instance, study_date, modality)
    ORDER BY instance
    ON CONFLICT (pacs_id, instance) DO UPDATE
        SET study_date = excluded.study_date, modality = excluded.modality
        WHERE (pacs_instance.study_date, pacs_instance.modality)
            IS DISTINCT FROM (excluded.study_date, excluded.modality)
    """
)

# A file that went before its object was judged is not here, unless it lies elsewhere too.
_KNOWN = text(
    """
    SELECT instance, whereabouts, tries, is_old
    FROM unnest(CAST(:instances AS text[]), CAST(:uids AS text[])) AS asked (instance, uid)
    LEFT JOIN (
        SELECT instance, tries, changed_at < now() - interval '1 day' AS is_old,
            nullif(CAST(state AS text), 'named') AS state
        FROM pacs_instance WHERE pacs_id = :pacs
    ) AS named USING (instance)
    LEFT JOIN LATERAL (
        SELECT min(CASE WHEN judged.state <> 'received' THEN CAST(judged.state AS text)
            WHEN gone_at IS NULL THEN 'waiting' END) AS state  -- accepted, else rejected, else ...
        FROM sighting CROSS JOIN LATERAL (
            -- No join: the planner knows little of how few files an instance has.
            SELECT (SELECT state FROM object WHERE object.id = sighting.object_id) AS state
        ) AS judged
        WHERE arrived_instance(object_key) = asked.instance
    ) AS arrived ON true
    CROSS JOIN LATERAL (
        SELECT CASE WHEN EXISTS (
            SELECT FROM image WHERE image_uid = asked.uid AND standing <> 'superseded'
        ) THEN 'accepted' ELSE coalesce(arrived.state, named.state) END
    ) AS answer (whereabouts)
    WHERE whereabouts IS NOT NULL
    """
)

_NAMED_ON = text(
    """
    SELECT instance FROM pacs_instance AS named
    WHERE pacs_id = :pacs AND study_date = :day AND modality = :modality
        AND NOT EXISTS (
            SELECT FROM sighting
            JOIN object ON object.id = sighting.object_id
            LEFT JOIN image ON image.id = object.image_id
            WHERE arrived_instance(object_key) = named.instance
                AND (image.standing = 'withdrawn' OR object.dismissed_at IS NOT NULL)
        )
    """
)

_FETCHED = text(
    """
    UPDATE pacs_instance SET state = 'fetched', reason = NULL, changed_at = now()
    WHERE pacs_id = :pacs AND instance = :instance
    """
)

_FAILED = text(
    """
    UPDATE pacs_instance
    SET state = 'failed', reason = :reason, tries = tries + 1, changed_at = now()
    WHERE pacs_id = :pacs AND instance = :instance
    """
)

_FORGET = text(
    "DELETE FROM pacs_instance WHERE pacs_id = :pacs AND study_date < :day RETURNING instance"
)
