"""The errors of the database. Each class states what the caller must do.

DatabaseError       stop, and show the message
RefusedCorrection   change the request: nothing was corrected
"""

from enum import StrEnum


class Cause(StrEnum):
    """Why the database cannot be used."""

    UNREACHABLE = "unreachable"
    LOGIN = "login"
    NO_DATABASE = "no database"
    PRIVILEGE = "privilege"
    CONNECTIONS = "connections"
    STOPPED = "stopped"
    READ_ONLY = "read-only"
    DISK_FULL = "disk full"
    MEMORY = "memory"
    DISK_ERROR = "disk error"
    LOCKED = "locked"
    TIMED_OUT = "timed out"
    CONFLICT = "conflict"
    CONSTRAINT = "constraint"
    SCHEMA = "schema"
    SETTINGS = "settings"
    VALUE = "value"
    STATEMENT = "statement"


class DatabaseError(Exception):
    """The database cannot be used; stop. Nothing half-done was kept.

    The message is one line that states the cause and what to do, and no value that the database
    holds. ``summary`` is the same without the server's address and the login, for people who only
    look at pages.
    """

    def __init__(
        self, message: str, *, cause: Cause = Cause.SETTINGS, summary: str | None = None
    ) -> None:
        super().__init__(message)
        self.cause = cause
        self.summary = message if summary is None else summary


class RefusedCorrection(Exception):
    """A correction that contradicts what is stored; trying again does not help.

    The message states identifiers of ours and pseudonyms, nothing of the hospital.
    """
