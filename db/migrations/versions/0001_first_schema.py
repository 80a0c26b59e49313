"""The first schema: sources and objects, work and scores, patients, counters and events.

Revision ID: 1
"""

from alembic import op

from db import schema

revision = "1"
down_revision = None


def upgrade() -> None:
    schema.create_tables(op.get_bind())
