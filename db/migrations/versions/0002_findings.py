"""Scores keep the backbone's findings.

They are the covariates of Cohen et al. 2020 and the inputs of triage, and cannot be computed
later without the image: so they are stored with the score. NULL in scores that were written
before, and for backbones that have none.

Revision ID: 0002
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    # Without a default, so that no row is rewritten: instant on a table of any size.
    op.add_column(
        "score", sa.Column("findings", postgresql.JSONB(astext_type=sa.Text()), nullable=True)
    )
