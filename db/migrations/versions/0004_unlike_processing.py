"""Count the scored images that are processed unlike known ones, as those out of distribution are.

Revision ID: 4
"""

from alembic import op
from sqlalchemy.orm import Session

from db import schema
from db.ledger.lock import lock_ledger

revision = "4"
down_revision = "3"


def upgrade() -> None:
    """Count those from now on, and those that were scored before.

    Know arrived files also where their drop folder lies below its source.
    """
    connection = op.get_bind()
    with Session(connection) as session:
        lock_ledger(session)  # until this commits no score is written, and no image changes
    schema.renew_counters(connection)
    connection.exec_driver_sql(_COUNT)
    schema.renew_arrivals(connection)


_COUNT = """
INSERT INTO tally (source_id, model_version_id, what, reason, n)
SELECT image.source_id, score.model_version_id, 'unlike_processing', unlike_processing, count(*)
FROM score JOIN image ON image.id = score.image_id
WHERE image.standing = 'valid' AND unlike_processing IS NOT NULL
GROUP BY 1, 2, 4
ON CONFLICT ON CONSTRAINT pk_tally DO UPDATE SET n = excluded.n
"""
