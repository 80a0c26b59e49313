"""The charts of a site: each measure of all devices together, and of each device."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np

from severity.domain import Measure, NightlySum, View
from severity.drift.charts import Chart, Nights, chart, relative_to_others

SITE = -1
"""The device of a `Stream` of all devices together."""

SCORES = (Measure.EXTENT, Measure.OPACITY)
"""The measures that the patients move too."""

_PERSISTENCE = {
    # An epidemic lasts: what patients come with today, others come with tomorrow.
    Measure.EXTENT: 0.9,
    Measure.OPACITY: 0.9,
    Measure.DISTANCE: 0.5,
    Measure.ERROR: 0.5,
}
_PERSISTENCE_OF_DIFFERENCES = 0.85  # an epidemic is on all devices, a ward lasts on one
_SILENT_AFTER = 30  # days without a film, while others bring some
_EPOCH = date(1970, 1, 1)
_VIEWS = {view: place for place, view in enumerate(View)}


@dataclass(frozen=True, order=True)
class Stream:
    """What one chart follows: a measure, of one device or of the whole `SITE`.

    Device 0 is that of the films whose device is not known. The scores of a device are followed as
    differences from those of all others in the same night, which show the same patients.
    """

    device: int
    measure: Measure

    @property
    def is_relative(self) -> bool:
        """Whether it follows differences from the other devices."""
        return self.device != SITE and self.measure in SCORES


def site_charts(sums: Iterable[NightlySum]) -> dict[Stream, Chart]:
    """Chart each measure of a site, and of each of its devices if there are several.

    A device that has brought no film for a month is not charted. One that has shared no night with
    another for a month cannot be judged relative to it: its chart is empty.

    Parameters
    ----------
    sums
        Of one model version, and one reference distribution. In any order.
    """
    by_stream: dict[Stream, list[NightlySum]] = {}
    for entry in sums:
        if entry.films:
            for device in (SITE, entry.device):
                by_stream.setdefault(Stream(device, entry.measure), []).append(entry)
    followed = {stream: _nights(entries) for stream, entries in sorted(by_stream.items())}
    last = max((int(nights.days[-1]) for nights in followed.values()), default=0)
    heard = {
        stream for stream, nights in followed.items() if nights.days[-1] >= last - _SILENT_AFTER
    }
    several = len({stream.device for stream in heard} - {SITE}) > 1
    return {
        stream: _chart(stream, followed, not_before=last - _SILENT_AFTER)
        for stream in followed
        if stream.device == SITE or (several and stream in heard)
    }


def _chart(stream: Stream, followed: Mapping[Stream, Nights], *, not_before: int) -> Chart:
    nights = followed[stream]
    if not stream.is_relative:
        return chart(nights, persistence=_PERSISTENCE[stream.measure])
    shared = relative_to_others(nights, followed[Stream(SITE, stream.measure)])
    if not (shared.days >= not_before).any():
        shared = shared.part(slice(0))
    return chart(shared, persistence=_PERSISTENCE_OF_DIFFERENCES)


def _nights(entries: Iterable[NightlySum]) -> Nights:
    """Add up sums by day and view."""
    rows = [
        ((entry.day - _EPOCH).days, _VIEWS[entry.view], entry.films, entry.total, entry.squares)
        for entry in entries
    ]
    table = np.array(rows, np.float64).reshape(-1, 5)
    days, places = np.unique(table[:, 0].astype(np.int64), return_inverse=True)
    sums = np.zeros((3, len(days), len(_VIEWS)))
    for column in range(3):
        np.add.at(sums[column], (places, table[:, 1].astype(int)), table[:, 2 + column])
    return Nights(days, *sums)
