"""The nightly sums of a site's films by device, of which drift is seen, and what was seen."""

from db.drift.counting import count_due
from db.drift.reading import devices, nightly_sums
from db.drift.reports import COUNTS_FOR, Report, reports, store_report
from db.drift.restarting import Restart, last_restart, restart

__all__ = [
    "COUNTS_FOR",
    "Report",
    "Restart",
    "count_due",
    "devices",
    "last_restart",
    "nightly_sums",
    "reports",
    "restart",
    "store_report",
]
