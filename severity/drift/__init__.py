"""Drift of a site: whether its patients are sicker, or a machine changed."""

from severity.drift.charts import REFERENCE_NIGHTS, Chart
from severity.drift.naming import Cause, Finding, finding
from severity.drift.site import SITE, Stream, site_charts

__all__ = [
    "REFERENCE_NIGHTS",
    "SITE",
    "Cause",
    "Chart",
    "Finding",
    "Stream",
    "finding",
    "site_charts",
]
