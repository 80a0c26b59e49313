"""The resources of a run that no flow parameter may carry: database, model, secrets, progress."""

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from importlib.metadata import version
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING
from uuid import NAMESPACE_OID, UUID, uuid5

from db.backups import Backup, restore_backup
from db.embedded import embedded_url
from db.engine import Database, Transaction
from db.errors import DatabaseError
from db.registration import check_pseudonyms, stored_fingerprint
from db.rekeying import renew_keys
from flows.errors import UsageError
from flows.home import private_home
from flows.settings import Settings, read_settings
from severity.domain import Device, PatientId
from severity.files.sidecar import SidecarRecord
from severity.pseudonym import (
    SHORTEST_KEY,
    DerivedUids,
    derived_uid,
    is_patient_key,
    keyed_digest,
    linked,
    links,
    patient_key,
    secret_fingerprint,
    shortened_digest,
    station_key,
)

if TYPE_CHECKING:
    from severity.models.scoring_model import ScoringModel


_UUID_DIGITS = 32

SOFTWARE = f"cxr-severity {version('cxr-severity')}"
"""This software's name and version, as runs and models record it."""


class Progress:
    """Receives the progress of a run; this base class shows nothing."""

    def loading(self) -> None:
        """Report that images wait, so the model is loaded now; it takes seconds."""

    def listed(self) -> None:
        """Report that a portion of what lies in a source is entered."""

    def waiting(self, images: int) -> None:
        """Report how many images wait now."""

    def advanced(self, *, scored: int, rejected: int) -> None:
        """Report the counts of one more batch."""


@dataclass
class Opened:
    """The database and the model that a process has opened, at most once each."""

    database: Database | None = None
    model: "ScoringModel | None" = None
    loading: Lock = field(default_factory=Lock)  # a second thread waits for the first


@dataclass(eq=False)
class Resources:
    """The settings, and the database and model that they name: opened on first use, then kept."""

    settings: Settings
    progress: Progress
    opened: Opened = field(default_factory=Opened, repr=False)

    def open_database(self) -> Database:
        """Connect to the database, with the tables that this program needs.

        The embedded one is started, made and migrated as needed; any other only by
        `db upgrade`, so that no worker changes tables under another's feet.

        Raises
        ------
        DatabaseError
            The database cannot be used.
        """
        if self.opened.database is None:
            _ = self._secret  # made before the database is
            database = self._connected()
            if self.settings.database_url is None:
                database.upgrade()
            database.check_schema()
            self._adopt_renewed(database)
            self._renew_restored(database)
            with database.transaction() as session:
                check_pseudonyms(session, secret_fingerprint(self._secret), first_use=True)
            self.opened.database = database
        return self.opened.database

    def read_database(self) -> Database:
        """Connect to the database to look at it; nothing is written, and no table is made.

        Raises
        ------
        DatabaseError
            The database cannot be used, or nothing was ever scored in it.
        """
        if self.opened.database is None:
            home = self.settings.home
            if self.settings.database_url is None and not (home / "postgres").exists():
                raise DatabaseError(
                    f"there is no database in {home} yet: nothing was scored. `cxr-severity run` "
                    "makes it; SEVERITY_HOME names another home, such as a demonstration's"
                )
            _ = self._secret  # refused where it was lost, before a renewed one takes its place
            database = self._connected()
            database.check_schema()
            self._adopt_renewed(database)
            with database.transaction() as session:
                self.check_secret(session)
            self.opened.database = database
        return self.opened.database

    def restore_database(self, backup: Backup) -> str:
        """Restore a backup into the database, which must be empty; return the schema's revision.

        Raises
        ------
        UsageError
            The pseudonym secret is not there.
        DatabaseError
            The secret is another one, the database is not empty, or the backup is damaged.
        """
        key = self.settings.pseudonym_file
        if self.settings.pseudonym_key is None and not key.exists():
            raise UsageError(
                f"{key} is missing, and the backup cannot be continued without it: put it back "
                "first, or set SEVERITY_PSEUDONYM_KEY to its content"
            )
        if backup.secret_fingerprint and not self._links_used(backup.secret_fingerprint):
            raise DatabaseError(
                "the pseudonym secret is not the one of this backup: set SEVERITY_PSEUDONYM_KEY "
                f"to that one, or put its file back as {self.settings.pseudonym_file}"
            )
        database = self._connected()
        revision = restore_backup(database, backup)
        self._renew_restored(database)
        return revision

    def _renew_restored(self, database: Database) -> None:
        """Renew the keys of a database that was restored from before the secret was renewed.

        Each link is of a transaction of its own: one that is killed is gone on with.
        """
        with database.transaction() as session:
            used = self._links_used(stored_fingerprint(session) or "")
        known = links(self._secret)
        for count in range(used, len(known) if used else 0):
            with database.transaction() as session:
                renew_keys(session, linked(*known[:count]), known[count], who=SOFTWARE)

    def _links_used(self, fingerprint: str) -> int:
        """Return of how many links of the secret a fingerprint is; 0 if of another secret."""
        known = links(self._secret)
        counts = range(len(known), 0, -1)
        of_it = (n for n in counts if fingerprint == secret_fingerprint(linked(*known[:n])))
        return next(of_it, 0)

    def _connected(self) -> Database:
        url = self.settings.database_url
        if url is None:
            embedded = embedded_url(private_home(self.settings.home) / "postgres")
            private_home(self.settings.home)  # which root's embedded server has just opened to all
            return Database(embedded)
        return Database(url.get_secret_value())

    def _adopt_renewed(self, database: Database) -> None:
        """Finish a renewal of the secret that was killed once the database had it.

        Raises
        ------
        UsageError
            The secret is set by a variable, which is to be set to the renewed one.
        """
        draft = self.settings.renewed_pseudonym_file
        if not draft.exists():
            return
        renewed = read_secret(draft)
        with database.transaction() as session:
            if stored_fingerprint(session) != secret_fingerprint(renewed):
                return  # it was killed before
        if self.settings.pseudonym_key is None:
            draft.replace(self.settings.pseudonym_file)
            self.__dict__.pop("_secret", None)
        elif secret_fingerprint(renewed) != secret_fingerprint(self._secret):
            raise UsageError(
                f"the secret was renewed: set SEVERITY_PSEUDONYM_KEY to what {draft} holds"
            )

    def check_secret(self, session: Transaction) -> None:
        """Refuse the pseudonym secret if it was renewed since the database was opened.

        It is not renewed before this transaction ends, nor while a connection stays.

        Raises
        ------
        DatabaseError
            The database has another secret by now.
        """
        check_pseudonyms(session, secret_fingerprint(self._secret), first_use=False)

    def load_model(self) -> "ScoringModel":
        """Load the model that scores; it takes seconds.

        Raises
        ------
        ModelUnavailable
            There is no such model or device, or the weights are absent or wrong.
        """
        with self.opened.loading:
            if self.opened.model is None:
                self.progress.loading()
                # Imported here: the network's libraries take seconds, and only scoring needs them.
                from flows.models.loading import load_model  # noqa: PLC0415

                self.opened.model = load_model(self.settings)
            return self.opened.model

    def reporting_to(self, progress: Progress) -> "Resources":
        """Return the same resources, which report to this progress."""
        return replace(self, progress=progress)

    def pseudonym(self, patient: PatientId) -> str:
        """Return the key under which a patient is stored; the issuer is the site's if not named."""
        return patient_key(self._issued(patient), secret=self._secret)

    def named_patient(self, patient: PatientId) -> str:
        """Return the key of a patient whom a person names, by an identifier or by the key."""
        named = patient.value.strip()
        return named if is_patient_key(named) else self.pseudonym(patient)

    def unissued_pseudonym(self, patient: PatientId) -> str:
        """Return the key that a patient would have without an issuer; empty if none is known.

        It shows that the same identifier exists with an issuer and without, and stores neither.
        """
        if not self._issued(patient).issuer:
            return ""
        return patient_key(PatientId(patient.value), secret=self._secret)

    def _issued(self, patient: PatientId) -> PatientId:
        return patient if patient.issuer.strip() else replace(patient, issuer=self.settings.issuer)

    def station_key(self, device: Device | None) -> str:
        """Return the key under which a device's station is stored; empty where none is named."""
        return station_key(device.station if device else "", secret=self._secret)

    def arrival_digest(self, *parts: str) -> str:
        """Return the keyed digest by which a file that arrives is named: it betrays nothing."""
        return keyed_digest(json.dumps(["arrival", *parts]), secret=self._first_secret)

    def derived_uids(self, content_sha256: str) -> DerivedUids:
        """Return the UIDs under which an image is stored whose file carries none."""
        return DerivedUids(content_sha256, self._secret)

    def derived_uid(self, *parts: str) -> str:
        """Return the UID of what is exported, keyed: it does not betray the hospital's own UIDs."""
        return derived_uid("export", *parts, secret=self._secret)

    def result_id(self, image_uid: str, model_version: str) -> UUID:
        """Return what other systems know an image's result by: the same for ever, and keyed."""
        name = json.dumps(["result", image_uid, model_version])
        digest = keyed_digest(name, secret=self._first_secret)
        return uuid5(NAMESPACE_OID, digest)

    def record_sha256(self, record: SidecarRecord | None) -> str:
        """Return the keyed hash of an image's sidecar record; empty without one."""
        if record is None or record.problem:
            return ""
        return keyed_digest(record.digest, secret=self._secret)

    def fingerprint(self, listed: str, record: SidecarRecord | None) -> UUID:
        """Return a keyed digest of what is known of an object without reading it."""
        known = listed if record is None or record.problem else f"{listed}\0{record.digest}"
        digest = shortened_digest(known, secret=self._secret, form="", length=_UUID_DIGITS)
        return UUID(hex=digest)

    @property
    def secret(self) -> bytes:
        """The pseudonym secret, which is in no message and no log."""
        return self._secret

    @property
    def _first_secret(self) -> bytes:
        """Its first link, by which names are keyed that files or other systems keep for ever."""
        return links(self._secret)[0]

    @cached_property
    def _secret(self) -> bytes:
        if self.settings.pseudonym_key is not None:
            return self.settings.pseudonym_key.get_secret_value().encode()
        return _stored_secret(self.settings.pseudonym_file)


def _stored_secret(path: Path) -> bytes:
    """Read the secret of the embedded database, or make it; only its owner may read the file.

    Raises
    ------
    UsageError
        The file is gone, but its database is there: every patient would start anew under another
        key. Or it cannot be written, or holds no such secret.
    """
    if not path.exists() and (path.parent / "postgres" / "PG_VERSION").exists():
        raise UsageError(
            f"{path} is missing, and the database beside it cannot be continued without it: put it "
            "back from the backup, or set SEVERITY_PSEUDONYM_KEY to what it held"
        )
    private_home(path.parent)
    if not path.exists():
        try:
            _make_secret(path)
        except OSError as error:
            raise UsageError(f"{path} cannot be written: {error.strerror}") from error
    return read_secret(path)


def _make_secret(path: Path) -> None:
    """Write a new secret, unless another process is first."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_hex(32))
        os.link(draft, path)  # whole or not at all, and never over another's
    except FileExistsError:
        pass
    finally:
        draft.unlink(missing_ok=True)


def read_secret(path: Path) -> bytes:
    """Return the secret that a file holds.

    Raises
    ------
    UsageError
        It cannot be read, or is shorter than any that was ever made.
    """
    try:
        secret = path.read_bytes().strip()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    if any(len(link) < SHORTEST_KEY for link in links(secret)):
        raise UsageError(
            f"{path} holds no secret of at least {SHORTEST_KEY} characters: put it back from its "
            "copy"
        )
    return secret


_current: ContextVar[list[Resources]] = ContextVar("resources")


@contextmanager
def using(resources: Resources) -> Iterator[Resources]:
    """Make these resources the `current` ones of this context, for the flows that run in it."""
    # Emptied at the end: Prefect keeps contexts of what ended, and a network would stay with each.
    held = [resources]
    token = _current.set(held)
    try:
        yield resources
    finally:
        _current.reset(token)
        held.clear()


def current() -> Resources:
    """Return the resources of this context, or those that the environment names."""
    held = _current.get(None)
    if held is None:
        return _from_environment()
    if not held:
        raise RuntimeError("what used these resources has ended")
    return held[0]


@lru_cache(maxsize=1)
def _from_environment() -> Resources:
    return Resources(read_settings(), Progress())
