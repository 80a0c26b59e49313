"""What charts that are out of control mean: the patients are sicker, or a machine changed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from severity.domain import Measure
from severity.drift.charts import Chart
from severity.drift.site import SCORES, SITE, Stream

_MOVED_MOST = 0.6  # of the largest shift: of two devices neither is told from the other


class Cause(StrEnum):
    """Why charts are out of control. Codes are stable."""

    PATIENTS = "patients"  # sicker, or less sick: their scores alone move, on all devices
    MACHINE = "machine"  # what takes or sends the images
    EITHER = "either"  # of both, while the charts that would tell still learn


@dataclass(frozen=True)
class Finding:
    """What is out of control now, since when, and what that means.

    ``devices`` are those on which it is seen; empty where no single one is told from the others.
    ``higher`` is whether the patients' scores rose; None for a machine, and where one of them rose
    and the other fell.
    """

    cause: Cause
    since: date
    measures: tuple[Measure, ...]
    devices: tuple[int, ...] = ()
    higher: bool | None = None


def finding(charts: Mapping[Stream, Chart]) -> Finding | None:
    """Name the cause of all alarms; None while everything is in control.

    * Distance or error out of control, or the scores of a device relative to the others': the
      machine changed (or other patients are sent to one, which no chart can tell). Scores of the
      site that moved then are a part of it, since they cannot be told from the patients'.
    * The scores of the site alone: the patients changed, if the distance and all devices were
      judged too.
    """
    alarms = {stream: chart.alarm_since for stream, chart in charts.items() if chart.alarm_since}
    if not alarms:
        return None
    since = min(alarms.values())
    measures = tuple(sorted({stream.measure for stream in alarms}, key=list(Measure).index))
    of_machine = {
        stream for stream in alarms if stream.device != SITE or stream.measure not in SCORES
    }
    if not of_machine:
        rises = {charts[stream].shift > 0 for stream in alarms}
        cause = Cause.PATIENTS if _tells_machines(charts) else Cause.EITHER
        return Finding(cause, since, measures, higher=rises.pop() if len(rises) == 1 else None)
    return Finding(Cause.MACHINE, since, measures, _devices(of_machine, charts))


def _tells_machines(charts: Mapping[Stream, Chart]) -> bool:
    """Return whether a machine that changed would be seen: errors of repeats may be too rare."""
    deciding = [chart for stream, chart in charts.items() if stream.is_relative]
    distance = charts.get(Stream(SITE, Measure.DISTANCE))
    return distance is not None and not any(chart.is_learning for chart in (distance, *deciding))


def _devices(alarms: Iterable[Stream], charts: Mapping[Stream, Chart]) -> tuple[int, ...]:
    """Return the devices that moved most: the others of a device that moved seem to move back."""
    sizes: dict[Measure, dict[int, float]] = {}
    for stream in alarms:
        if stream.device != SITE:
            sizes.setdefault(stream.measure, {})[stream.device] = abs(charts[stream].shift)
    return tuple(
        sorted(
            {
                device
                for of_devices in sizes.values()
                for device, size in of_devices.items()
                if size > _MOVED_MOST * max(of_devices.values())
            }
        )
    )
