"""What is wrong at a site, as far as its database knows: the numbers that alerts are raised on."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from db.drift import COUNTS_FOR


@dataclass(frozen=True)
class SiteState:
    """The numbers behind alerts.

    ``failing_balances`` are those in which something was lost; ``obstacles`` cannot be opened.
    ``rejected_more`` is by how much the share of rejected files of the last 24 hours is above that
    of the four weeks before; 0 if fewer than 20 files were decided. ``last_received_at`` is of the
    source where nothing came in for longest, ``failed_run_at`` when the last pass over a source
    ended that failed. Sources that runs left out for two days before the last one are not asked.
    """

    last_received_at: datetime | None
    waiting_since: datetime | None
    failing_balances: int
    obstacles: int
    rejected_more: float
    drifting_versions: int
    failed_run_at: datetime | None


def site_state(session: Session) -> SiteState:
    """Return the numbers behind alerts, as they are now; a reader's role may ask for them."""
    return SiteState(**session.execute(_STATE, {"drawings_count_for": COUNTS_FOR}).mappings().one())


# The rules of deploy/grafana/provisioning/alerting ask the same of the same views.
_STATE = text(
    """
    WITH in_use AS (
        SELECT last_received_hour, failed_at FROM source_runs
        WHERE last_run_at >= (SELECT max(last_run_at) FROM source_runs) - interval '2 days'
    )
    SELECT
        (SELECT min(last_received_hour) FROM in_use) AS last_received_at,
        (SELECT min(waiting_since) FROM oldest_waiting) AS waiting_since,
        (
            SELECT count(*) FROM balance
            WHERE seen <> accepted + rejected + unread
                OR is_enlisted AND accepted <> scored + waiting + failed + withdrawn
        ) AS failing_balances,
        (
            SELECT coalesce(CAST(sum(obstacles) AS bigint), 0)
            FROM (SELECT DISTINCT source, obstacles FROM balance) AS source
        ) AS obstacles,
        (
            SELECT CAST(coalesce(
                CASE WHEN sum(accepted + rejected) FILTER (WHERE is_recent) >= 20 THEN
                    sum(rejected) FILTER (WHERE is_recent)
                        / sum(accepted + rejected) FILTER (WHERE is_recent)
                    - sum(rejected) FILTER (WHERE NOT is_recent)
                        / nullif(sum(accepted + rejected) FILTER (WHERE NOT is_recent), 0)
                END, 0
            ) AS float8)
            FROM (
                SELECT accepted, rejected, hour >= now() - interval '24 hours' AS is_recent
                FROM throughput WHERE hour >= now() - interval '29 days'
            ) AS decided
        ) AS rejected_more,
        (
            SELECT count(*) FROM drift_reports
            WHERE finding IS NOT NULL AND drawn_at > now() - CAST(:drawings_count_for AS interval)
        ) AS drifting_versions,
        (SELECT max(failed_at) FROM in_use) AS failed_run_at
    """
)
