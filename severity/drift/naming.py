"""What charts that are out of control mean: the patients are sicker, or a machine changed."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from severity.domain import Measure
from severity.drift.charts import Chart
from severity.drift.site import SITE, Stream

_SCORES = (Measure.EXTENT, Measure.OPACITY)
_APART = 0.6  # of the limits of two devices together: from there on they do not move as one


class Cause(StrEnum):
    """Why charts are out of control. Codes are stable."""

    PATIENTS = "patients"  # sicker, or less sick: their scores alone move, on all devices
    MACHINE = "machine"  # what takes or sends the images


@dataclass(frozen=True)
class Finding:
    """What is out of control now, since when, and what that means.

    ``devices`` are those on which it is seen; empty where no single one is told from the others.
    ``higher`` is whether the patients' scores rose; None for a machine.
    """

    cause: Cause
    since: date
    measures: tuple[Measure, ...]
    devices: tuple[int, ...] = ()
    higher: bool | None = None


def finding(charts: Mapping[Stream, Chart]) -> Finding | None:
    """Name the cause of all alarms; None while everything is in control.

    * Distance or error out of control: the machine changed. Scores that moved then are a part of
      it, since they cannot be told from the patients'.
    * Scores of a device out of control, and those of another not moved with them: the machine
      changed too (or other patients are sent to it, which no chart can tell).
    * Else the scores moved on all devices, or on the only one: the patients changed.
    """
    alarms = {stream: chart.alarm_since for stream, chart in charts.items() if chart.alarm_since}
    if not alarms:
        return None
    since = min(alarms.values())
    measures = tuple(sorted({stream.measure for stream in alarms}, key=list(Measure).index))
    of_machine = {
        stream for stream in alarms if stream.measure not in _SCORES or _moves_alone(stream, charts)
    }
    if not of_machine:
        rises = any(charts[stream].shift > 0 for stream in alarms)
        return Finding(Cause.PATIENTS, since, measures, higher=rises)
    devices = tuple(sorted({stream.device for stream in of_machine} - {SITE}))
    return Finding(Cause.MACHINE, since, measures, devices)


def _moves_alone(stream: Stream, charts: Mapping[Stream, Chart]) -> bool:
    """Whether a device's scores moved away from those of another."""
    if stream.device == SITE:
        return False
    own = charts[stream]
    others = [
        chart
        for other, chart in charts.items()
        if other.measure == stream.measure
        and other.device not in {SITE, stream.device}
        and not chart.is_learning
    ]
    return any(
        abs(own.shift - other.shift) > _APART * math.hypot(own.limit[-1], other.limit[-1])
        for other in others
    )
