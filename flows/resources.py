"""What a run needs and no flow parameter may carry: database, model, secrets, progress."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from db.embedded import embedded_url
from db.engine import Database
from db.runs import check_pseudonyms
from flows.settings import Settings, read_settings
from severity.domain import PatientId
from severity.files.sidecar import SidecarRecord
from severity.pseudonym import keyed_digest, patient_key, secret_fingerprint

if TYPE_CHECKING:
    from severity.models.scoring_model import ScoringModel


SOFTWARE = f"cxr-severity {version('cxr-severity')}"
"""Which software this is, as runs and models record it."""


class Progress:
    """Hears how far a run is; this one keeps silent."""

    def waiting(self, images: int) -> None:
        """Take note of how many images wait now."""

    def advanced(self, *, scored: int, rejected: int) -> None:
        """Take note of one batch."""


@dataclass(frozen=True)
class Resources:
    """Opened when first used, kept for the life of the process."""

    settings: Settings
    progress: Progress

    @cached_property
    def database(self) -> Database:
        """The database, with the tables that this program needs.

        The embedded one is made and migrated as needed; any other only by `db upgrade`, so
        that no worker changes tables under another's feet.
        """
        url = self.settings.database_url
        if url is None:
            database = Database(embedded_url(self.settings.home / "postgres"))
            database.upgrade()
        else:
            database = Database(url.get_secret_value())
            database.check_schema()
        with database.transaction() as session:
            check_pseudonyms(session, secret_fingerprint(self._secret))
        return database

    @cached_property
    def model(self) -> "ScoringModel":
        """The model that scores."""
        # Imported here: only scoring needs OpenVINO.
        from flows.models.loading import load_model  # noqa: PLC0415

        return load_model(self.settings)

    def reporting_to(self, progress: Progress) -> "Resources":
        """Return the same settings' resources with a listener."""
        return Resources(self.settings, progress)

    def pseudonym(self, patient: PatientId) -> str:
        """Return the key under which a patient is stored."""
        return patient_key(patient, secret=self._secret)

    def record_sha256(self, record: SidecarRecord | None) -> str:
        """Identify what a sidecar says of an image; empty if it says nothing."""
        return keyed_digest(record.digest, secret=self._secret) if record else ""

    @cached_property
    def _secret(self) -> bytes:
        if self.settings.pseudonym_key is not None:
            return self.settings.pseudonym_key.get_secret_value().encode()
        return _kept_secret(self.settings.home / "pseudonym.key")


def _kept_secret(path: Path) -> bytes:
    """Read the secret beside the embedded database, or make it; only its owner may read it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    if not path.exists():
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_hex(32))
        try:
            os.link(draft, path)  # whole or not at all, and never over another's
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text().strip().encode()


_current: ContextVar[Resources] = ContextVar("resources")


@contextmanager
def using(resources: Resources) -> Iterator[Resources]:
    """Let flows that run in this context use these resources."""
    token = _current.set(resources)
    try:
        yield resources
    finally:
        _current.reset(token)


def current() -> Resources:
    """Return the resources of this context, or those that the environment names."""
    return _current.get(None) or _from_environment()


@lru_cache(maxsize=1)
def _from_environment() -> Resources:
    return Resources(read_settings(), Progress())
