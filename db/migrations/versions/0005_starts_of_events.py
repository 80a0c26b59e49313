"""Record whether the start of a treatment became a date alone, or a time; renew the views.

Revision ID: 5
"""

from alembic import op

revision = "5"
down_revision = "4"


def upgrade() -> None:
    """Let the trigger record what an import may change now; each upgrade renews the views.

    Courses whose baseline was chosen by a treatment of who is another person since are due.
    """
    for statement in (_RECORD, _FOREIGN_CHOICES_DUE):
        op.get_bind().exec_driver_sql(statement)


_RECORD = """
CREATE OR REPLACE TRIGGER record_event AFTER UPDATE ON event FOR EACH ROW
WHEN (OLD.* IS DISTINCT FROM NEW.*)
EXECUTE FUNCTION record_correction('starts_is_date ends_at ends_is_date is_removed');
"""

_FOREIGN_CHOICES_DUE = """
SELECT make_person_due(array(
    SELECT course_choice.patient_id
    FROM course_choice
    JOIN event ON event.id = baseline_event_id
    JOIN patient AS treated ON treated.id = event.patient_id
    WHERE treated.person_id <> course_choice.patient_id
))
"""
