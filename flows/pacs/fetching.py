"""Fetching from the PACS of the settings: what is new, and each night what is missing."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import db.pacs
from flows.pacs.comparison import Comparison, DayReport
from flows.pacs.opening import open_folder, open_pacs
from flows.pacs.patience import Pace
from flows.resources import Resources

MOST_TRIES = 5
"""How often `fetch` asks for a film in vain before it leaves it to `reconcile`."""

_KEPT_DAYS = 366  # however few days are compared now: others will be


def fetch_new(resources: Resources) -> Iterator[DayReport]:
    """Fetch what a PACS has of the last days and is not here; yield a report of each day.

    The same days are asked again each time, so that films are found that reach the PACS late.

    Raises
    ------
    UsageError
        The settings name no PACS or no folder that can be used.
    PacsError
        The PACS does not answer. What was fetched before is not fetched again.
    NotKept
        The disk is short or fails.
    """
    days = resources.settings.pacs_days
    yield from _comparison(resources).of_days(days, most_tries=MOST_TRIES)


def reconcile_all(resources: Resources) -> Iterator[DayReport]:
    """Compare what a PACS has of the last weeks with all that is known here; fetch what is missing.

    Also what was given up before; what the PACS named before and names no more is told. Raises as
    `fetch_new` does.
    """
    days = resources.settings.pacs_reconcile_days
    comparison = _comparison(resources)
    yield from comparison.of_days(days, tells_unnamed=True)
    with comparison.database.transaction() as session:
        oldest = comparison.today - timedelta(max(days, _KEPT_DAYS))
        db.pacs.forget_before(session, comparison.pacs_id, oldest)


def _comparison(resources: Resources) -> Comparison:
    settings = resources.settings
    pacs, folder = open_pacs(settings), open_folder(resources)
    pacs.check()  # before the database notes that there is such a PACS
    database = resources.open_database()
    with database.transaction() as session:
        pacs_id = db.pacs.register(session, pacs.location)
    return Comparison(
        pacs=pacs,
        folder=folder,
        database=database,
        pacs_id=pacs_id,
        today=datetime.now(settings.zone).date(),
        parallel=settings.pacs_parallel,
        pace=Pace(settings.pacs_rate),
    )
