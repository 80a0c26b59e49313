"""Let a person take a patient out of a group; find who is due, or in a rare group, by index.

Revision ID: 6
"""

from alembic import op

revision = "6"
down_revision = "5"


def upgrade() -> None:
    """Know which groups were removed, none so far; find the few among millions."""
    for statement in (_REMOVED, _DUE, _RARE_GROUPS):
        op.get_bind().exec_driver_sql(statement)


_REMOVED = """
ALTER TABLE patient_attribute
    ADD COLUMN IF NOT EXISTS is_removed boolean NOT NULL DEFAULT false;

CREATE OR REPLACE FUNCTION groups_of(person bigint) RETURNS text[] LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (
        SELECT array_agg(group_name(name, value) ORDER BY name)
        FROM (
            SELECT DISTINCT ON (name) name, value
            FROM patient JOIN patient_attribute ON patient_id = patient.id
            WHERE person_id = person AND NOT is_removed
            ORDER BY name, patient_id <> person, value
        ) AS own
    );
END $$;

CREATE OR REPLACE TRIGGER record_patient_attribute AFTER UPDATE ON patient_attribute FOR EACH ROW
WHEN ((OLD.value, OLD.is_removed) <> (NEW.value, NEW.is_removed))
EXECUTE FUNCTION record_correction('value is_removed');
"""

_DUE = """
CREATE INDEX IF NOT EXISTS ix_course_due_person ON course_due (person_id)
    WHERE person_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS ix_course_due_image ON course_due (image_id) WHERE image_id IS NOT NULL;
"""

_RARE_GROUPS = """
ALTER TABLE patient_summary ALTER COLUMN groups SET STATISTICS 1000;
ANALYZE patient_summary (groups);
"""
