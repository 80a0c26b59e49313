"""Drift of a site: whether its patients are sicker, or a machine changed."""

from typing import TYPE_CHECKING

from severity.lazy_names import importing_when_asked

if TYPE_CHECKING:
    from severity.drift.charts import REFERENCE_NIGHTS, Chart
    from severity.drift.naming import Cause, Finding, finding
    from severity.drift.simulation import Change, Site, named, run_length
    from severity.drift.site import SITE, Stream, site_charts
else:
    __getattr__ = importing_when_asked(__name__)

__all__ = [
    "REFERENCE_NIGHTS",
    "SITE",
    "Cause",
    "Change",
    "Chart",
    "Finding",
    "Site",
    "Stream",
    "finding",
    "named",
    "run_length",
    "site_charts",
]
