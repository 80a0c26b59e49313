"""A finding of the doctor: what was examined, how it is, and what to do."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad a finding is. Codes are stable: scripts may rely on them."""

    OK = "ok"
    NOTICE = "notice"  # should be known, and can wait
    PROBLEM = "problem"  # films are not scored, or may be lost


@dataclass(frozen=True)
class Finding:
    """What was examined, how it is, and, unless it is well, what to do.

    ``check`` is a stable code such as ``database``. Texts hold no patient, no file and no secret.
    """

    check: str
    level: Level
    text: str
    advice: str = ""


def well(check: str, text: str) -> Finding:
    """Return a finding of what is as it should be."""
    return Finding(check, Level.OK, text)


def notice(check: str, text: str, advice: str) -> Finding:
    """Return a finding that can wait."""
    return Finding(check, Level.NOTICE, text, advice)


def problem(check: str, text: str, advice: str) -> Finding:
    """Return a finding that cannot wait."""
    return Finding(check, Level.PROBLEM, text, advice)
