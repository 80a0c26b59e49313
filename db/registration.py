"""What a database is told before anything is scored: the pseudonym secret and model versions."""

import json
from dataclasses import asdict

from sqlalchemy import text
from sqlalchemy.orm import Session

from db.errors import DatabaseError
from severity.domain import ModelVersion


def check_pseudonyms(session: Session, fingerprint: str, *, first_use: bool) -> None:
    """Refuse a pseudonym secret other than the one that this database was first used with.

    Parameters
    ----------
    first_use
        Store the secret's fingerprint if there is none yet; else nothing is written.

    Raises
    ------
    DatabaseError
        The secret is another one; every patient would start anew under a second key.
    """
    if first_use:
        session.execute(_STORE_CHECK, {"fingerprint": fingerprint})
    if stored_fingerprint(session) not in {None, fingerprint}:
        raise DatabaseError(
            "the pseudonym secret is not the one that this database was first used with, or it was "
            "renewed since: set SEVERITY_PSEUDONYM_KEY to the one that was first used, or to what "
            "`db renew-secret` made of it (FORMER=>NEW)"
        )


def stored_fingerprint(session: Session) -> str | None:
    """Return the fingerprint of the secret that the database was first used with; None if never."""
    stored: str | None = session.scalar(text("SELECT pseudonym_check FROM pseudonym_check"))
    return stored


def register_model(session: Session, version: ModelVersion) -> int:
    """Return the id of a model version's row; the first call writes it, and none changes it."""
    scales = {
        "geographic_extent": asdict(version.geographic_extent),
        "opacity": asdict(version.opacity),
    }
    values = {
        "key": version.key,
        "name": version.name,
        "weights": version.weights_sha256,
        "head": version.head_sha256,
        "preprocessing": version.preprocessing,
        "precision": version.precision,
        "scales": json.dumps(scales),
    }
    session.execute(_REGISTER, values)
    row_id: int = session.execute(_VERSION, values).scalar_one()
    return row_id


_STORE_CHECK = text(
    """
    INSERT INTO site (id, pseudonym_check)
    SELECT 1, :fingerprint WHERE NOT EXISTS (SELECT FROM site)
    ON CONFLICT DO NOTHING
    """
)

_REGISTER = text(
    """
    INSERT INTO model_version
        (key, name, weights_sha256, head_sha256, preprocessing, precision, scales)
    SELECT :key, :name, :weights, :head, :preprocessing, :precision, CAST(:scales AS jsonb)
    WHERE NOT EXISTS (SELECT FROM model_version WHERE key = :key)
    ON CONFLICT DO NOTHING
    """
)

_VERSION = text("SELECT id FROM model_version WHERE key = :key")
