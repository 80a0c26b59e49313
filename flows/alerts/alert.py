"""Alerts: what is wrong at a site in a sentence, and what to do. No patient, file or folder."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from db.engine import Transaction
from db.reading.site.alerts import SiteState, site_state

NOTHING_FOR = timedelta(hours=36)
"""A weekend without any film is rare; half a day more than one night."""

WAITING_FOR = timedelta(hours=24)
REJECTED_MORE = 0.1
"""As a share of the files, above that of the four weeks before."""


SITE_CODES = frozenset(
    {
        "balance",
        "drift",
        "failed-run",
        "nothing-received",
        "obstacles",
        "oldest-waiting",
        "rejections",
    }
)
"""The codes of `site_alerts`, of which nothing is known while the database is down."""


@dataclass(frozen=True)
class Alert:
    """Something that a person must see to: a code that stays, what is wrong, and what to do."""

    code: str
    text: str
    advice: str


def site_alerts(session: Transaction, now: datetime) -> list[Alert]:
    """Return what is wrong at a site, as far as its database knows; a reader's role may ask."""
    return list(_alerts(site_state(session), now))


def _alerts(state: SiteState, now: datetime) -> Iterator[Alert]:
    if state.failing_balances:
        yield Alert(
            "balance",
            "A balance does not hold.",
            "Stop, keep the database, and report it: an image was lost, or there is a bug.",
        )
    if state.last_received_at is not None and now - state.last_received_at > NOTHING_FOR:
        yield Alert(
            "nothing-received",
            f"No new file came in at a source for more than {_hours(NOTHING_FOR)} hours.",
            "Look at the source and at what sends to it, then at `cxr-severity status`.",
        )
    if state.waiting_since is not None and now - state.waiting_since > WAITING_FOR:
        yield Alert(
            "oldest-waiting",
            f"A file waits for more than {_hours(WAITING_FOR)} hours to be scored.",
            "Look whether a worker runs, then at its last runs.",
        )
    if state.obstacles:
        yield Alert(
            "obstacles",
            f"{state.obstacles} files or folders cannot be read.",
            "`cxr-severity rejected unread` names them.",
        )
    if state.rejected_more > REJECTED_MORE:
        yield Alert(
            "rejections",
            f"The share of rejected files is {state.rejected_more:.0%} above the usual one.",
            "Look at the reasons; a new device or another export often explains them.",
        )
    if state.drifting_versions:
        yield Alert(
            "drift",
            "A chart of drift is out of its limits.",
            "`cxr-severity drift` shows since when, and whether the cause is a machine.",
        )
    if state.failed_run_at is not None:
        yield Alert(
            "failed-run",
            "The last pass over a source failed or was killed.",
            "The next one goes on from there; if that fails too, look at its log.",
        )


def _hours(time: timedelta) -> int:
    return round(time.total_seconds() / 3600)
