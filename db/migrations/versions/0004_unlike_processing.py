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
    """Count those from now on, and those that were scored before; so what is accepted, by hour.

    Know arrived files also where their drop folder lies below its source. Take back the levels at
    a baseline of patients who have none.
    """
    connection = op.get_bind()
    with Session(connection) as session:
        lock_ledger(session)  # until this commits no score is written, and no image changes
    connection.exec_driver_sql(_WIDEN)
    schema.renew_counters(connection)
    for statement in (_COUNT, _COUNT_ACCEPTED, _NO_BASELINE):
        connection.exec_driver_sql(statement)
    schema.renew_arrivals(connection)


_COUNT = """
INSERT INTO tally (source_id, model_version_id, what, reason, n)
SELECT image.source_id, score.model_version_id, 'unlike_processing', unlike_processing, count(*)
FROM score JOIN image ON image.id = score.image_id
WHERE image.standing = 'valid' AND unlike_processing IS NOT NULL
GROUP BY 1, 2, 4
ON CONFLICT ON CONSTRAINT pk_tally DO UPDATE SET n = excluded.n
"""

_WIDEN = """
DROP TRIGGER IF EXISTS hour_rejected ON object;
DROP FUNCTION IF EXISTS count_rejected();
ALTER TABLE hour_count DROP CONSTRAINT ck_hour_count_what;
ALTER TABLE hour_count ADD CONSTRAINT ck_hour_count_what CHECK (
    what IN ('received', 'accepted', 'rejected', 'scored')
);
"""

_COUNT_ACCEPTED = """
INSERT INTO hour_count (hour, source_id, run_id, what, n)
SELECT date_trunc('hour', decided_at), source_id, run_id, 'accepted', count(*)
FROM object WHERE state = 'accepted' AND run_id IS NOT NULL
GROUP BY 1, 2, 3
ON CONFLICT ON CONSTRAINT pk_hour_count DO NOTHING
"""

_NO_BASELINE = """
UPDATE patient_summary SET extent_baseline_level = NULL, opacity_baseline_level = NULL
WHERE baseline_at IS NULL AND num_nonnulls(extent_baseline_level, opacity_baseline_level) > 0
"""
