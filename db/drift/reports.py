"""What the charts of each model version said when they were last drawn."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

COUNTS_FOR = timedelta(days=7)
"""How long charts count after they were drawn: those of a model version that no longer scores are
not drawn again."""


@dataclass(frozen=True)
class Report:
    """What the charts of a model version said; ``finding`` is None while all is in control."""

    model_version: str
    drawn_at: datetime
    finding: Mapping[str, Any] | None


def store_report(
    session: Session, model_version: str, finding: Mapping[str, object] | None
) -> None:
    """Store what the charts of a model version say now, in place of what they said before."""
    content = None if finding is None else json.dumps(finding)
    session.execute(_STORE, {"model": model_version, "finding": content})


def reports(session: Session) -> list[Report]:
    """Return what the charts of each model version said when they were last drawn."""
    return [Report(*row) for row in session.execute(_REPORTS)]


_STORE = text(
    """
    INSERT INTO drift_report (model_version_id, finding)
    SELECT id, CAST(:finding AS jsonb) FROM model_version WHERE key = :model
    ON CONFLICT (model_version_id) DO UPDATE
        SET drawn_at = excluded.drawn_at, finding = excluded.finding
    """
)

_REPORTS = text("SELECT model_version, drawn_at, finding FROM drift_reports ORDER BY model_version")
