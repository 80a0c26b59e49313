"""What Prefect's page calls a pass: its source, in one word, and the time it was due."""

import re
from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from flows.settings import SourceSettings

_NO_PART_OF_A_KEY = re.compile(r"[^a-z0-9]+")


def source_label(location: str) -> str:
    """Return the last part of an inbox's path or URL: enough to tell sources apart."""
    return re.split(r"[/\\@]+", location.rstrip("/\\"))[-1] or "inbox"


def label_among(source: SourceSettings, sources: Sequence[SourceSettings]) -> str:
    """Return what tells a source from the others that are set: its name, or its label if alone."""
    return source.name if len(sources) > 1 else source_label(source.location)


def sources_label(sources: Sequence[SourceSettings]) -> str:
    """Return what a pass over these sources is called: the one's label, or the names of several."""
    if len(sources) == 1:
        return source_label(sources[0].location)
    return "+".join(source.name for source in sources)


def pass_name(label: str, due: datetime, zone: ZoneInfo) -> str:
    """Return the name of a pass, such as "inbox 2026-11-26 02:00"."""
    return f"{label} {due.astimezone(zone):%Y-%m-%d %H:%M}"


def artifact_key(label: str) -> str:
    """Return the key of a source's artifacts: letters, digits and dashes, as Prefect asks."""
    key = _NO_PART_OF_A_KEY.sub("-", label.lower()).strip("-")
    return f"pass-{key}" if key else "pass"
