"""What each lung has of both scores, and which zones are opaque.

Revision ID: 3
"""

from alembic import op

revision = "3"
down_revision = "2"


def upgrade() -> None:
    """Add the columns to a database that was made without them; those of old scores stay NULL."""
    op.get_bind().exec_driver_sql(_ADD_COLUMNS)


_ADD_COLUMNS = """
DO $$ BEGIN
    IF NOT EXISTS (
        SELECT FROM pg_attribute
        WHERE attrelid = 'score'::regclass AND attname = 'right_extent'
    ) THEN
        ALTER TABLE score
            ADD right_extent real,
            ADD right_opacity real,
            ADD right_upper real,
            ADD right_middle real,
            ADD right_lower real,
            ADD left_upper real,
            ADD left_middle real,
            ADD left_lower real,
            ADD CONSTRAINT ck_score_lungs CHECK (
                num_nulls(
                    right_extent, right_opacity, right_upper, right_middle, right_lower,
                    left_upper, left_middle, left_lower
                ) IN (0, 8)
            ),
            ADD CONSTRAINT ck_score_right CHECK (
                right_extent BETWEEN 0 AND 4 AND right_opacity BETWEEN 0 AND 4
                AND right_extent <= geographic_extent::real AND right_opacity <= opacity::real
            ),
            ADD CONSTRAINT ck_score_zones CHECK (
                least(
                    right_upper, right_middle, right_lower, left_upper, left_middle, left_lower
                ) >= 0
                AND greatest(
                    right_upper, right_middle, right_lower, left_upper, left_middle, left_lower
                ) <= 1
            );
    END IF;
END $$
"""
