"""The tables. What must never happen is a constraint, with a comment saying what it prevents."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    MetaData,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

_NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Times are aware, in UTC; texts have no length limit; keys are 64 bit."""

    metadata = MetaData(naming_convention=_NAMES)
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads it as a class attribute
        datetime: DateTime(timezone=True),
        int: BigInteger,
        dict[str, object]: JSONB,
    }


class Site(Base):
    """The properties of the whole database, in one row."""

    __tablename__ = "site"
    __table_args__ = (CheckConstraint("id = 1", name="one"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    # Prevents a second pseudonym secret, under which every patient would start anew.
    pseudonym_check: Mapped[str]


class Patient(Base):
    """A person, known only by a pseudonym."""

    __tablename__ = "patient"
    __table_args__ = (
        # Prevents two patients from being made of one, by two workers at once.
        UniqueConstraint("patient_key"),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    patient_key: Mapped[str]


class Study(Base):
    """One visit to imaging."""

    __tablename__ = "study"
    __table_args__ = (
        # By patient too: identifiers lie, and a shared UID must not merge two patients.
        UniqueConstraint("patient_id", "study_uid"),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    patient_id: Mapped[int] = mapped_column(ForeignKey("patient.id"))
    study_uid: Mapped[str]


class Image(Base):
    """One radiograph."""

    __tablename__ = "image"
    __table_args__ = (
        # Prevents one image from being scored twice under two files ...
        UniqueConstraint("image_uid"),
        # ... or under two identities: the same pixels are the same image.
        UniqueConstraint("pixel_sha256"),
        # Lets a score repeat these columns without being able to contradict them.
        UniqueConstraint("id", "patient_id"),
        # Prevents a time from being invented: none without a source, no source without one.
        CheckConstraint(
            "(acquired_at IS NULL) = (acquired_source = 'unknown')", name="time_source"
        ),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    patient_id: Mapped[int] = mapped_column(ForeignKey("patient.id"))
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"))
    image_uid: Mapped[str]
    pixel_sha256: Mapped[str]
    view: Mapped[str]
    acquired_at: Mapped[datetime | None]
    acquired_source: Mapped[str]
    acquired_zone: Mapped[str]
    simulated: Mapped[bool]


class ModelVersionRow(Base):
    """One backbone's weights, one head and their preprocessing. Never updated."""

    __tablename__ = "model_version"
    __table_args__ = (
        # Prevents two model versions from sharing a name in trends and dashboards.
        UniqueConstraint("key"),
        # Prevents a calibrated version without its errors: the row is never updated, so its
        # trends would have no direction for good.
        CheckConstraint(
            "(calibration_sha256 IS NULL) = (measurement_error IS NULL)", name="calibrated"
        ),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    key: Mapped[str]
    name: Mapped[str]
    weights_sha256: Mapped[str]
    head_sha256: Mapped[str]
    preprocessing: Mapped[str]
    precision: Mapped[str]
    scales: Mapped[dict[str, object]]
    # The calibration's hash, and the errors that trends need (`db.measurement_errors`); NULL
    # without a calibration.
    calibration_sha256: Mapped[str | None]
    measurement_error: Mapped[dict[str, object] | None] = mapped_column(JSONB(none_as_null=True))
    registered_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Run(Base):
    """One execution of the scoring flow."""

    __tablename__ = "run"
    __table_args__ = (
        CheckConstraint("state IN ('running', 'finished', 'failed', 'abandoned')", name="state"),
        CheckConstraint("(state = 'running') = (ended_at IS NULL)", name="ended"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    model_version_id: Mapped[int] = mapped_column(ForeignKey("model_version.id"))
    state: Mapped[str] = mapped_column(server_default=text("'running'"))
    software: Mapped[str]
    started_at: Mapped[datetime] = mapped_column(server_default=func.now())
    ended_at: Mapped[datetime | None]


class Sighting(Base):
    """One object seen in an inbox, with the content that it had."""

    __tablename__ = "sighting"
    __table_args__ = (
        UniqueConstraint("inbox", "object_key", "content_sha256", "record_sha256"),
        Index("ix_sighting_content", "content_sha256", "record_sha256"),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    inbox: Mapped[str]
    object_key: Mapped[str]
    # Known without reading the object, which need not be read again while this is unchanged.
    fingerprint: Mapped[str]
    content_sha256: Mapped[str]
    # The keyed hash of the object's sidecar record; empty without one. The record itself, with
    # the patient's identifier, stays in the sidecar.
    record_sha256: Mapped[str]
    first_seen_at: Mapped[datetime] = mapped_column(server_default=func.now())


class LedgerEntry(Base):
    """How far one model version is with one content: it is scored exactly once, or rejected."""

    __tablename__ = "ledger"
    __table_args__ = (
        # The key of idempotence: enlisting the same content every night is harmless.
        UniqueConstraint("content_sha256", "record_sha256", "model_version_id"),
        # Prevents two files from both counting as the source of an image.
        UniqueConstraint("image_id", "model_version_id"),
        CheckConstraint("state IN ('waiting', 'claimed', 'scored', 'quarantined')", name="state"),
        # Prevents a rejection without a reason, and a reason that outlives its rejection.
        CheckConstraint("(state = 'quarantined') = (reason IS NOT NULL)", name="why"),
        # Prevents a claim that no run holds, and so no run would ever release.
        CheckConstraint("state <> 'claimed' OR run_id IS NOT NULL", name="claimant"),
        # Prevents "scored" without an image that carries the score.
        CheckConstraint("(state = 'scored') = (image_id IS NOT NULL)", name="image"),
        Index(
            "ix_ledger_waiting",
            "model_version_id",
            "id",
            postgresql_where=text("state = 'waiting'"),
        ),
        Index("ix_ledger_claimed", "run_id", postgresql_where=text("state = 'claimed'")),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    content_sha256: Mapped[str]
    record_sha256: Mapped[str]
    model_version_id: Mapped[int] = mapped_column(ForeignKey("model_version.id"))
    state: Mapped[str] = mapped_column(server_default=text("'waiting'"))
    reason: Mapped[str | None]
    detail: Mapped[str | None]
    run_id: Mapped[UUID | None] = mapped_column(ForeignKey("run.id"))
    claims: Mapped[int] = mapped_column(server_default=text("0"))
    image_id: Mapped[int | None] = mapped_column(ForeignKey("image.id"))
    enlisted_at: Mapped[datetime] = mapped_column(server_default=func.now())
    closed_at: Mapped[datetime | None]


class ScoreRow(Base):
    """Both values for one image by one model version. Written once, never updated."""

    __tablename__ = "score"
    __table_args__ = (
        # Prevents a second score of an image, whatever two workers do.
        UniqueConstraint("image_id", "model_version_id"),
        # Prevents a score from drifting to another patient than its image.
        ForeignKeyConstraint(["image_id", "patient_id"], ["image.id", "image.patient_id"]),
        # Prevents NaN (which is greater than any number here) and values beyond every scale.
        CheckConstraint("geographic_extent BETWEEN 0 AND 8", name="extent"),
        CheckConstraint("opacity BETWEEN 0 AND 8", name="opacity"),
        # Prevent an interval with one end, which would be read as open.
        CheckConstraint("num_nulls(extent_low, extent_high) <> 1", name="extent_ends"),
        CheckConstraint("num_nulls(opacity_low, opacity_high) <> 1", name="opacity_ends"),
        # Prevent an interval that its own score lies outside of, and NaN for an end.
        CheckConstraint(
            "0 <= extent_low AND extent_low <= geographic_extent"
            " AND geographic_extent <= extent_high AND extent_high <= 8",
            name="extent_interval",
        ),
        CheckConstraint(
            "0 <= opacity_low AND opacity_low <= opacity"
            " AND opacity <= opacity_high AND opacity_high <= 8",
            name="opacity_interval",
        ),
        # Prevents a distance without the reference distribution that it is from.
        CheckConstraint("num_nulls(likeness_reference, likeness_distance) <> 1", name="likeness"),
        # Prevents NaN and infinity, with which every image would be out of distribution.
        CheckConstraint(
            "0 <= likeness_distance AND likeness_distance < 'infinity'", name="distance"
        ),
        # Prevents an image within the limit, or without a distance, from being flagged.
        CheckConstraint("unlike IS NULL OR coalesce(likeness_distance > 1, false)", name="unlike"),
        Index(
            "ix_score_trend",
            "patient_id",
            "model_version_id",
            "acquired_at",
            postgresql_include=["geographic_extent", "opacity"],
        ),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    image_id: Mapped[int]
    patient_id: Mapped[int]
    model_version_id: Mapped[int] = mapped_column(ForeignKey("model_version.id"))
    run_id: Mapped[UUID] = mapped_column(ForeignKey("run.id"))
    geographic_extent: Mapped[float]
    opacity: Mapped[float]
    geographic_extent_raw: Mapped[float]
    opacity_raw: Mapped[float]
    # The backbone's raw outputs by finding; NULL where it has none.
    findings: Mapped[dict[str, float] | None] = mapped_column(JSONB(none_as_null=True))
    # Prediction intervals of a calibrated model version; else NULL.
    extent_low: Mapped[float | None]
    extent_high: Mapped[float | None]
    opacity_low: Mapped[float | None]
    opacity_high: Mapped[float | None]
    # The distance from the reference distribution, in units of the limit, and why the image
    # is out of distribution.
    likeness_reference: Mapped[str | None]
    likeness_distance: Mapped[float | None]
    unlike: Mapped[str | None]
    # The probability of each class; NULL for a model without triage. No view shows it.
    triage: Mapped[dict[str, float] | None] = mapped_column(JSONB(none_as_null=True))
    # The image's time, repeated so that one index serves a trend.
    acquired_at: Mapped[datetime | None]
    acquired_source: Mapped[str]
    scored_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
