"""The nightly sums of a site's films by device, of which drift is seen, and what was seen."""

from db.drift.counting import count_due
from db.drift.reading import devices, nightly_sums
from db.drift.reports import Report, reports, store_report

__all__ = [
    "Report",
    "count_due",
    "devices",
    "nightly_sums",
    "reports",
    "store_report",
]
