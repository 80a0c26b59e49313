from datetime import UTC, datetime, timedelta

import pytest

from db.drift import Report
from flows.drift.text import reports_text


@pytest.mark.parametrize(("days", "lines"), [(1, 1), (6, 1), (8, 0), (400, 0)])
def test_charts_that_nobody_draws_any_more_are_reported_for_a_week(days: int, lines: int) -> None:
    drawn_at = datetime.now(UTC) - timedelta(days=days)

    assert len(reports_text([Report("former", drawn_at, {"text": "moved"})])) == lines
