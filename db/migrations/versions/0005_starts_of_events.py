"""Record whether the start of a treatment became a date alone, or a time; renew the views.

Revision ID: 5
"""

from alembic import op

revision = "5"
down_revision = "4"


def upgrade() -> None:
    """Let the trigger record what an import may change now; each upgrade renews the views."""
    op.get_bind().exec_driver_sql(_RECORD)


_RECORD = """
CREATE OR REPLACE TRIGGER record_event AFTER UPDATE ON event FOR EACH ROW
WHEN (OLD.* IS DISTINCT FROM NEW.*)
EXECUTE FUNCTION record_correction('starts_is_date ends_at ends_is_date is_removed');
"""
