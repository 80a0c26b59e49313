"""Renews the pseudonym secret: it gets another link, and all that is stored is keyed with that too.

It may be killed at any moment. The new secret is on the disk before the database has it, and the
database changes in one transaction or not at all: whoever opens it next finds out which it was.
"""

import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from db.rekeying import Renewed, renew_keys
from flows.errors import UsageError
from flows.home import private_home
from flows.login import login
from flows.resources import Resources, read_secret
from severity.pseudonym import linked, links


@dataclass(frozen=True)
class Renewal:
    """How much was renewed, and the file that holds the new secret.

    ``is_in_place`` is False where a person has to set that secret.
    """

    renewed: Renewed
    file: Path
    is_in_place: bool


def renew_secret(resources: Resources) -> Renewal:
    """Give the pseudonym secret another link, and renew all stored keys.

    Everything else that uses the database must have ended. A secret that is set by
    SEVERITY_PSEUDONYM_KEY is to be set anew afterwards, to what the file holds.

    Raises
    ------
    UsageError
        A file of an earlier renewal is in the way, or the new secret cannot be written.
    DatabaseError
        Others use the database, or the login does not own the tables; nothing was renewed.
    """
    database, settings = resources.open_database(), resources.settings
    private_home(settings.home)
    draft = settings.renewed_pseudonym_file
    renewed = _drafted(draft, resources.secret)
    link = links(renewed)[-1]
    with database.transaction() as session:
        counts = renew_keys(session, resources.secret, link, who=login())
    if settings.pseudonym_key is not None:
        return Renewal(counts, draft, is_in_place=False)
    draft.replace(settings.pseudonym_file)
    _sync(draft.parent)
    return Renewal(counts, settings.pseudonym_file, is_in_place=True)


def _drafted(draft: Path, secret: bytes) -> bytes:
    """Return the secret with a further link, kept on the disk: once it is used, it is needed."""
    if not draft.exists():
        _write(draft, linked(secret, secrets.token_hex(32).encode()))
    renewed = read_secret(draft)
    if links(renewed)[:-1] != links(secret):
        raise UsageError(
            f"{draft} is of another secret: if SEVERITY_PSEUDONYM_KEY was set to it already, move "
            "it to where the copy of the secret is kept, and renew again"
        )
    return renewed


def _write(file: Path, secret: bytes) -> None:
    """Write a file whole and on the disk, or not at all.

    Raises
    ------
    UsageError
        The disk does not take it.
    """
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with open(draft, "wb", opener=_private) as stream:
            stream.write(secret + b"\n")
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(file)
        _sync(file.parent)
    except OSError as error:
        with suppress(OSError):
            draft.unlink()
        raise UsageError(
            f"nothing was renewed: {file} cannot be written: {error.strerror}"
        ) from error


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
