"""Drawing the charts of a site from what was counted of its nights."""

from collections.abc import Mapping
from dataclasses import dataclass

from db.drift import devices, nightly_sums
from db.engine import Transaction
from severity.domain import Device
from severity.drift import Chart, Finding, Stream, finding, site_charts


@dataclass(frozen=True)
class SiteDrift:
    """The charts of a site by one model version, and what they mean.

    ``devices`` are known by the ids that `Stream` and `Finding` name; their stations are keys.
    """

    model_version: str
    charts: Mapping[Stream, Chart]
    devices: Mapping[int, Device]
    finding: Finding | None


def draw(session: Transaction, model_version: str) -> SiteDrift:
    """Draw the charts of a site, of all nights that were counted so far."""
    charts = site_charts(nightly_sums(session, model_version))
    return SiteDrift(model_version, charts, devices(session), finding(charts))
