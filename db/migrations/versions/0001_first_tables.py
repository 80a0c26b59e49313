"""The first tables: patients, studies, images, model versions, runs, ledger, scores.

Revision ID: 0001
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None

PATIENT_TREND = """
CREATE VIEW patient_trend AS
SELECT
    patient.patient_key,
    model_version.key AS model_version,
    -- Days since an unknown day 0 and calendar dates are two axes: never joined.
    score.acquired_source <> 'sidecar_offset' AS calendar_known,
    score.acquired_at,
    score.acquired_source,
    -- Orders images of one time; their identifiers stay inside.
    row_number() OVER course AS place,
    image.view,
    image.simulated,
    score.geographic_extent,
    score.opacity,
    extract(epoch FROM score.acquired_at - first_value(score.acquired_at) OVER course)
        / 86400 AS days_since_baseline,
    score.geographic_extent - first_value(score.geographic_extent) OVER course
        AS extent_from_baseline,
    score.opacity - first_value(score.opacity) OVER course AS opacity_from_baseline,
    score.geographic_extent - lag(score.geographic_extent) OVER course AS extent_from_previous,
    score.opacity - lag(score.opacity) OVER course AS opacity_from_previous,
    score.geographic_extent - max(score.geographic_extent) OVER course AS extent_from_peak,
    score.opacity - max(score.opacity) OVER course AS opacity_from_peak,
    coalesce(image.view <> lag(image.view) OVER course, false) AS view_changed,
    score.scored_at
FROM score
JOIN image ON image.id = score.image_id
JOIN patient ON patient.id = score.patient_id
JOIN model_version ON model_version.id = score.model_version_id
WHERE score.acquired_at IS NOT NULL
WINDOW course AS (
    PARTITION BY
        patient.patient_key, model_version.key, score.acquired_source <> 'sidecar_offset'
    ORDER BY score.acquired_at, image.image_uid
)
"""

# Counted in three independent tables, so that a loss anywhere shows as a difference.
BALANCE = """
CREATE VIEW balance AS
SELECT
    model_version.key AS model_version,
    (
        SELECT count(*) FROM ledger WHERE ledger.model_version_id = model_version.id
    ) AS seen,
    (
        SELECT count(*) FROM score WHERE score.model_version_id = model_version.id
    ) AS scored,
    (
        SELECT count(*) FROM ledger
        WHERE ledger.model_version_id = model_version.id AND state = 'quarantined'
    ) AS rejected,
    (
        SELECT count(*) FROM ledger
        WHERE ledger.model_version_id = model_version.id AND state IN ('waiting', 'claimed')
    ) AS pending
FROM model_version
"""

MODEL_VERSIONS = """
CREATE VIEW model_versions AS
SELECT key AS model_version, name, weights_sha256, head_sha256, preprocessing, precision, scales,
    registered_at
FROM model_version
"""


def upgrade() -> None:
    op.create_table(
        "model_version",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("weights_sha256", sa.String(), nullable=False),
        sa.Column("head_sha256", sa.String(), nullable=False),
        sa.Column("preprocessing", sa.String(), nullable=False),
        sa.Column("precision", sa.String(), nullable=False),
        sa.Column("scales", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "registered_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_model_version")),
        sa.UniqueConstraint("key", name=op.f("uq_model_version_key")),
    )
    op.create_table(
        "patient",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("patient_key", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_patient")),
        sa.UniqueConstraint("patient_key", name=op.f("uq_patient_patient_key")),
    )
    op.create_table(
        "sighting",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("inbox", sa.String(), nullable=False),
        sa.Column("object_key", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("content_sha256", sa.String(), nullable=False),
        sa.Column("record_sha256", sa.String(), nullable=False),
        sa.Column(
            "first_seen_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sighting")),
        sa.UniqueConstraint(
            "inbox",
            "object_key",
            "content_sha256",
            "record_sha256",
            name=op.f("uq_sighting_inbox_object_key_content_sha256_record_sha256"),
        ),
    )
    op.create_index(
        "ix_sighting_content", "sighting", ["content_sha256", "record_sha256"], unique=False
    )
    op.create_table(
        "site",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("pseudonym_check", sa.String(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_site_one")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_site")),
    )
    op.create_table(
        "run",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("model_version_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(), server_default=sa.text("'running'"), nullable=False),
        sa.Column("software", sa.String(), nullable=False),
        sa.Column(
            "started_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(state = 'running') = (ended_at IS NULL)", name=op.f("ck_run_ended")),
        sa.CheckConstraint(
            "state IN ('running', 'finished', 'failed', 'abandoned')", name=op.f("ck_run_state")
        ),
        sa.ForeignKeyConstraint(
            ["model_version_id"], ["model_version.id"], name=op.f("fk_run_model_version_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run")),
    )
    op.create_table(
        "study",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("patient_id", sa.BigInteger(), nullable=False),
        sa.Column("study_uid", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name=op.f("fk_study_patient_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_study")),
        sa.UniqueConstraint("patient_id", "study_uid", name=op.f("uq_study_patient_id_study_uid")),
    )
    op.create_table(
        "image",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("patient_id", sa.BigInteger(), nullable=False),
        sa.Column("study_id", sa.BigInteger(), nullable=False),
        sa.Column("image_uid", sa.String(), nullable=False),
        sa.Column("pixel_sha256", sa.String(), nullable=False),
        sa.Column("view", sa.String(), nullable=False),
        sa.Column("acquired_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("acquired_source", sa.String(), nullable=False),
        sa.Column("acquired_zone", sa.String(), nullable=False),
        sa.Column("simulated", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "(acquired_at IS NULL) = (acquired_source = 'unknown')",
            name=op.f("ck_image_time_source"),
        ),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name=op.f("fk_image_patient_id")),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("fk_image_study_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_image")),
        sa.UniqueConstraint("id", "patient_id", name=op.f("uq_image_id_patient_id")),
        sa.UniqueConstraint("image_uid", name=op.f("uq_image_image_uid")),
        sa.UniqueConstraint("pixel_sha256", name=op.f("uq_image_pixel_sha256")),
    )
    op.create_table(
        "ledger",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("content_sha256", sa.String(), nullable=False),
        sa.Column("record_sha256", sa.String(), nullable=False),
        sa.Column("model_version_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(), server_default=sa.text("'waiting'"), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("detail", sa.String(), nullable=True),
        sa.Column("run_id", sa.Uuid(), nullable=True),
        sa.Column("claims", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("image_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "enlisted_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(state = 'quarantined') = (reason IS NOT NULL)", name=op.f("ck_ledger_why")
        ),
        sa.CheckConstraint(
            "(state = 'scored') = (image_id IS NOT NULL)", name=op.f("ck_ledger_image")
        ),
        sa.CheckConstraint(
            "state <> 'claimed' OR run_id IS NOT NULL", name=op.f("ck_ledger_claimant")
        ),
        sa.CheckConstraint(
            "state IN ('waiting', 'claimed', 'scored', 'quarantined')", name=op.f("ck_ledger_state")
        ),
        sa.ForeignKeyConstraint(["image_id"], ["image.id"], name=op.f("fk_ledger_image_id")),
        sa.ForeignKeyConstraint(
            ["model_version_id"], ["model_version.id"], name=op.f("fk_ledger_model_version_id")
        ),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_ledger_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger")),
        sa.UniqueConstraint(
            "content_sha256",
            "record_sha256",
            "model_version_id",
            name=op.f("uq_ledger_content_sha256_record_sha256_model_version_id"),
        ),
        sa.UniqueConstraint(
            "image_id", "model_version_id", name=op.f("uq_ledger_image_id_model_version_id")
        ),
    )
    op.create_index(
        "ix_ledger_claimed",
        "ledger",
        ["run_id"],
        unique=False,
        postgresql_where=sa.text("state = 'claimed'"),
    )
    op.create_index(
        "ix_ledger_waiting",
        "ledger",
        ["model_version_id", "id"],
        unique=False,
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_table(
        "score",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("image_id", sa.BigInteger(), nullable=False),
        sa.Column("patient_id", sa.BigInteger(), nullable=False),
        sa.Column("model_version_id", sa.BigInteger(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("geographic_extent", sa.Float(), nullable=False),
        sa.Column("opacity", sa.Float(), nullable=False),
        sa.Column("geographic_extent_raw", sa.Float(), nullable=False),
        sa.Column("opacity_raw", sa.Float(), nullable=False),
        sa.Column("acquired_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("acquired_source", sa.String(), nullable=False),
        sa.Column(
            "scored_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.CheckConstraint("geographic_extent BETWEEN 0 AND 8", name=op.f("ck_score_extent")),
        sa.CheckConstraint("opacity BETWEEN 0 AND 8", name=op.f("ck_score_opacity")),
        sa.ForeignKeyConstraint(
            ["image_id", "patient_id"],
            ["image.id", "image.patient_id"],
            name=op.f("fk_score_image_id_patient_id"),
        ),
        sa.ForeignKeyConstraint(
            ["model_version_id"], ["model_version.id"], name=op.f("fk_score_model_version_id")
        ),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_score_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_score")),
        sa.UniqueConstraint(
            "image_id", "model_version_id", name=op.f("uq_score_image_id_model_version_id")
        ),
    )
    op.create_index(
        "ix_score_trend",
        "score",
        ["patient_id", "model_version_id", "acquired_at"],
        unique=False,
        postgresql_include=["geographic_extent", "opacity"],
    )

    for view in (PATIENT_TREND, BALANCE, MODEL_VERSIONS):
        op.execute(view)
