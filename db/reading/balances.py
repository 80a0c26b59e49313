"""The balance of one model version: what became of all objects that were ever seen."""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session


@dataclass(frozen=True)
class Balance:
    """What became of all objects that were ever enlisted for one model version, as counts.

    ``copies`` are files whose content was seen already under another name; they are not
    counted in ``seen``. ``out_of_distribution`` counts a part of the scored images.
    """

    seen: int
    scored: int
    rejected: int
    pending: int
    copies: int
    out_of_distribution: int = 0

    @property
    def holds(self) -> bool:
        """Whether nothing was lost."""
        return self.seen == self.scored + self.rejected + self.pending


def balance(session: Session, model_version: str) -> Balance:
    """Count the objects of one model version, from independent tables."""
    row = session.execute(_BALANCE, {"model": model_version}).mappings().first()
    return Balance(**row) if row else Balance(0, 0, 0, 0, 0)


def rejections(session: Session, model_version: str) -> dict[str, int]:
    """Count the rejected objects by reason, the most frequent first."""
    rows = session.execute(_REJECTIONS, {"model": model_version}).all()
    return {row.reason: row.files for row in rows}


def fates(session: Session, inbox: str, model_version: str) -> list[tuple[str, str, str]]:
    """List what became of each object of an inbox: its key, the state or reason, the detail.

    Of a scored image the detail is why it is out of distribution, if it is.
    Object keys may name patients: for the operator's eyes, never for a log.
    """
    rows = session.execute(_FATES, {"inbox": inbox, "model": model_version}).all()
    return [(key, fate, detail) for key, fate, detail in rows]


_BALANCE = text(
    """
    SELECT seen, scored, rejected, pending, unlike AS out_of_distribution, (
        SELECT count(*) - count(DISTINCT (content_sha256, record_sha256)) FROM sighting
        WHERE EXISTS (
            SELECT FROM ledger JOIN model_version ON model_version.id = ledger.model_version_id
            WHERE ledger.content_sha256 = sighting.content_sha256
                AND ledger.record_sha256 = sighting.record_sha256 AND key = :model
        )
    ) AS copies
    FROM balance WHERE model_version = :model
    """
)

_REJECTIONS = text(
    """
    SELECT reason, count(*) AS files FROM ledger
    JOIN model_version ON model_version.id = ledger.model_version_id
    WHERE key = :model AND state = 'quarantined'
    GROUP BY reason ORDER BY count(*) DESC, reason
    """
)

_FATES = text(
    """
    SELECT object_key,
        CASE
            WHEN row_number() OVER copies > 1 THEN 'copy' ELSE coalesce(reason, state)
        END,
        CASE
            WHEN row_number() OVER copies > 1
                THEN 'the same file as ' || first_value(object_key) OVER copies
            ELSE coalesce(detail, 'out of distribution: ' || unlike, '')
        END
    FROM sighting
    JOIN ledger USING (content_sha256, record_sha256)
    JOIN model_version ON model_version.id = ledger.model_version_id
    LEFT JOIN score USING (image_id, model_version_id)
    WHERE inbox = :inbox AND key = :model
    WINDOW copies AS (
        PARTITION BY content_sha256, record_sha256, ledger.id ORDER BY sighting.id
    )
    ORDER BY object_key
    """
)
