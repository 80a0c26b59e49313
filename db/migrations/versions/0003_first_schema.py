"""The first schema: sources and objects, work and scores, patients, counters and corrections.

Revision ID: 3
"""

from alembic import op

from db import schema

revision = "3"
down_revision = None


def upgrade() -> None:
    schema.create_tables(op.get_bind())
