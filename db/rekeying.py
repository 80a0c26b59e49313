"""Renews all that is keyed with the pseudonym secret, when the secret gets another link.

Nothing stored says what a key was made from. So each stored key is hashed with the new link, by
PostgreSQL itself, and whoever looks for a patient hashes as often (`severity.pseudonym`).
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from db.attribution import attribute
from db.courses.due import lock_courses
from db.errors import Cause, DatabaseError
from db.ledger.lock import lock_ledger
from severity.pseudonym import derived_uid, linked, renewed_uid, secret_fingerprint

_BLOCK = 64  # bytes, of SHA-256 in HMAC (RFC 2104)
_PORTION = 10_000


@dataclass(frozen=True)
class Renewed:
    """How many keys were renewed, by what they are of."""

    patients: int
    devices: int
    objects: int
    places: int
    studies: int


def renew_keys(session: Session, secret: bytes, link: bytes, *, who: str) -> Renewed:
    """Renew all stored keys with a further link, in this transaction; only the owner may.

    From the end of the transaction on, all secrets but the whole new one are refused.

    Parameters
    ----------
    secret
        The secret so far.
    link
        Its new last link.

    Raises
    ------
    DatabaseError
        Other programs of ours use the database: what they write would be keyed with the old secret.
    """
    session.execute(text("SET LOCAL statement_timeout = 0"))  # ten million rows take minutes
    # Nobody reads with which secret this database is used, so that nobody begins to use it.
    session.execute(text("LOCK TABLE site IN ACCESS EXCLUSIVE MODE"))
    _check_alone(session)
    lock_ledger(session)
    lock_courses(session)
    attribute(session, who=who, what="pseudonym secret renewed", why="rotation")
    renewed = _renew(session, secret, link)
    session.execute(_FINGERPRINT, {"fingerprint": secret_fingerprint(linked(secret, link))})
    session.execute(_RECORD)
    return renewed


def _check_alone(session: Session) -> None:
    others = session.scalar(_OTHERS)
    if others:
        raise DatabaseError(
            f"{others} other sessions of this program use the database: end `up`, `serve`, "
            "`dashboard`, `run` and whatever else does, then try again",
            cause=Cause.LOCKED,
        )


def _renew(session: Session, secret: bytes, link: bytes) -> Renewed:
    key = _hmac_key(link)
    session.execute(text("ALTER TABLE object DISABLE TRIGGER USER"))  # no count changes
    session.execute(text("ALTER TABLE sighting DISABLE TRIGGER USER"))
    derived = list(_derived_studies(session, secret))
    counts = {name: session.execute(statement, key).rowcount for name, statement in _RENEW.items()}  # type: ignore[attr-defined]
    session.execute(_RENEW_SUMMARIES)
    session.execute(text("ALTER TABLE object ENABLE TRIGGER USER"))
    session.execute(text("ALTER TABLE sighting ENABLE TRIGGER USER"))
    _renew_studies(session, derived, link)
    return Renewed(**counts, studies=len(derived))


def _hmac_key(link: bytes) -> dict[str, bytes]:
    """Return the two blocks of HMAC, so that PostgreSQL needs no more than SHA-256."""
    block = (hashlib.sha256(link).digest() if len(link) > _BLOCK else link).ljust(_BLOCK, b"\0")
    return {
        "inner": bytes(byte ^ 0x36 for byte in block),
        "outer": bytes(byte ^ 0x5C for byte in block),
    }


def _derived_studies(session: Session, secret: bytes) -> Iterator[int]:
    """Yield the studies whose UID was derived, because that of an image of theirs was."""
    seen: set[int] = set()
    rows = session.execute(_CANDIDATES, execution_options={"yield_per": _PORTION})
    for study_id, image_uid, content_sha256 in rows:
        if study_id in seen:
            continue
        if image_uid == derived_uid("image", content_sha256, secret=secret):
            seen.add(study_id)
            yield study_id


def _renew_studies(session: Session, ids: Sequence[int], link: bytes) -> None:
    for start in range(0, len(ids), _PORTION):
        portion = list(ids[start : start + _PORTION])
        known = session.execute(_STUDY_UIDS, {"ids": portion}).all()
        values = {
            "ids": [row.id for row in known],
            "uids": [renewed_uid(row.study_uid, link) for row in known],
        }
        session.execute(_RENEW_STUDIES, values)


# HMAC-SHA-256 of a text, in hexadecimal.
_HMAC = (
    "encode(sha256(CAST(:outer AS bytea) || sha256("
    "CAST(:inner AS bytea) || convert_to({text}, 'UTF8'))), 'hex')"
)


def _hmac(of: str) -> str:
    return _HMAC.format(text=of)


_RENEW = {
    "patients": text(
        f"""
        UPDATE patient SET
            patient_key = 'p-' || left({_hmac("patient_key")}, 20),
            unissued_key = 'p-' || left({_hmac("unissued_key")}, 20)
        """  # noqa: S608 - constants
    ),
    "devices": text(
        f"""
        UPDATE device SET station_key = 's-' || left({_hmac("station_key")}, 12)
        WHERE station_key <> ''
        """  # noqa: S608 - constants
    ),
    "objects": text(
        f"""
        UPDATE object SET record_sha256 = decode({_hmac("encode(record_sha256, 'hex')")}, 'hex')
        WHERE record_sha256 <> ''
        """  # noqa: S608 - constants
    ),
    # But of what was not read, which has none.
    "places": text(
        f"""
        UPDATE sighting SET fingerprint = CAST(
            left({_hmac("replace(CAST(fingerprint AS text), '-', '')")}, 32) AS uuid
        )
        WHERE fingerprint <> '00000000-0000-0000-0000-000000000000'
        """  # noqa: S608 - constants
    ),
}

_RENEW_SUMMARIES = text(
    """
    UPDATE patient_summary SET patient_key = patient.patient_key
    FROM patient WHERE patient.id = patient_summary.person_id
    """
)

_CANDIDATES = text(
    """
    SELECT study_id, image_uid, encode(content_sha256, 'hex')
    FROM image JOIN object ON object.image_id = image.id
    WHERE image_uid LIKE '2.25.%'
    """
)

_STUDY_UIDS = text("SELECT id, study_uid FROM study WHERE id = ANY (:ids)")

_RENEW_STUDIES = text(
    """
    UPDATE study SET study_uid = renewed.uid
    FROM unnest(CAST(:ids AS bigint[]), CAST(:uids AS text[])) AS renewed (id, uid)
    WHERE study.id = renewed.id
    """
)

_FINGERPRINT = text("UPDATE site SET pseudonym_check = :fingerprint")

# By our name, and by that which the site gives us in DATABASE_URL.
_OTHERS = text(
    """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
        AND application_name IN ('cxr-severity', current_setting('application_name'))
    """
)

_RECORD = text(
    """
    INSERT INTO correction (who, why, what) VALUES (
        current_setting('severity.who'), current_setting('severity.why'),
        current_setting('severity.what')
    )
    """
)
