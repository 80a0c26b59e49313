"""Drawing the charts of a site from what was counted of its nights."""

from collections.abc import Mapping
from dataclasses import dataclass

from db.drift import Restart, devices, last_restart, nightly_sums
from db.engine import Transaction
from severity.domain import Device
from severity.drift import Chart, Finding, Stream, finding, site_charts


@dataclass(frozen=True)
class SiteDrift:
    """The charts of a site by one model version, and what they mean.

    ``devices`` are known by the ids that `Stream` and `Finding` name; their stations are keys.
    ``restart`` says from which night on charts learn, if not from the first.
    """

    model_version: str
    charts: Mapping[Stream, Chart]
    devices: Mapping[int, Device]
    finding: Finding | None
    restart: Restart | None = None


def draw(session: Transaction, model_version: str) -> SiteDrift:
    """Draw the charts of a site, of all nights that were counted since they last began anew."""
    charts = site_charts(nightly_sums(session, model_version))
    return SiteDrift(
        model_version, charts, devices(session), finding(charts), last_restart(session)
    )
