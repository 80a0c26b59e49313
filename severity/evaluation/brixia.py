"""The Brixia score (six zones of the lungs, 0 to 3 each), and proxy labels from it.

A zone is 0 without abnormalities, 1 with interstitial, 2 with interstitial and alveolar, 3 with
mainly alveolar infiltrates. Their sum, 0 to 18, grows with extent and with opacity, and does not
separate them.

References
----------
* Borghesi and Maroldi 2020, Radiologia Medica 125:509-513.
* Signoroni et al. 2021, Medical Image Analysis 71:102046.
"""

import math
import re
from collections.abc import Iterable, Mapping

from severity.domain import Scale
from severity.vocabulary.numbers import parse_number

_ZONES = ("A", "B", "C", "D", "E", "F")
"""Upper to lower third of the right lung, then of the left one."""
_PARTS = {*map(str.lower, _ZONES), "global"}
_READER = re.compile(r"(^|_)(brixia|senior|junior|reader)\d*(_|$)")
_TOLERANCE = 1e-4  # between a total and the sum of zones that were averaged
ZONE_SCALE, GLOBAL_SCALE = Scale(0, 3), Scale(0, 18)

MAPPING = (
    "geographic extent and opacity are both the readers' mean global Brixia score, divided by 18, "
    "of their own scale: one number as a proxy for two"
)
EVIDENCE = (
    "on the 64 images of the COVID-19 Image Data Collection that have both, the mean global score "
    "correlates 0.93 with the readers' extent and 0.89 with their opacity; so mapped, it differs "
    "by 0.78 of 8 and 0.63 of 6 points on average and lies 0.46 and 0.29 points too low"
)


def as_points(global_score: float, scale: Scale) -> float:
    """Return the Brixia proxy label on another scale; see `MAPPING`.

    We scale proportionally (score / 18). Unlike a regression this uses no labelled images, and a
    normal image stays 0.
    """
    share = global_score / GLOBAL_SCALE.highest
    return scale.lowest + share * (scale.highest - scale.lowest)


def global_score(row: Mapping[str, str]) -> float:
    """Read the mean global score of all readers of one image.

    Parameters
    ----------
    row
        A reader's columns share a prefix: ``senior_A`` to ``senior_F``, ``senior_global``, or all
        of them. Several readers are averaged; a reader whose columns are empty did not read the
        image. So ``brixia_global`` alone is one reader. The case of columns does not matter.
        `ignored_columns` are no reader's.

    Raises
    ------
    ValueError
        No reader scored it, a number is beyond its scale, or zones do not add up to the total.
    """
    row = {name.lower(): text for name, text in row.items()}
    readers = _readers(row)
    if not readers:
        ignored = ", ".join(ignored_columns(row))
        raise ValueError(
            "there is no column such as brixia_global, or senior_A to senior_F"
            + (f"; no reader's are {ignored}" if ignored else "")
        )
    scores = [
        score for score in (_of_reader(row, reader) for reader in readers) if score is not None
    ]
    if not scores:
        raise ValueError("no reader scored it")
    return sum(scores) / len(scores)


def ignored_columns(columns: Iterable[str]) -> list[str]:
    """List the columns that end as a Brixia score does and are no reader's, such as ``hla_A``.

    A reader is any prefix with all six zones, or one with a word that says so: ``brixia``,
    ``senior``, ``junior`` or ``reader`` (``reader1_global``).
    """
    names = list(columns)
    readers = _readers(names)
    return [name for name in names if _is_score(name) and _prefix(name) not in readers]


def _readers(columns: Iterable[str]) -> list[str]:
    """List the prefixes of readers, in lower case."""
    names = {name.lower() for name in columns if _is_score(name)}
    return [
        prefix
        for prefix in sorted({_prefix(name) for name in names})
        if _READER.search(prefix) or names.issuperset(_column(prefix, zone) for zone in _ZONES)
    ]


def _is_score(name: str) -> bool:
    prefix, _, part = name.rpartition("_")
    return bool(prefix) and part.lower() in _PARTS


def _prefix(name: str) -> str:
    return name.rpartition("_")[0].lower()


def _column(reader: str, zone: str) -> str:
    return f"{reader}_{zone}".lower()


def _of_reader(row: Mapping[str, str], reader: str) -> float | None:
    zones = [row.get(_column(reader, zone), "") for zone in _ZONES]
    global_text = row.get(f"{reader}_global", "")
    total = _number(global_text, f"{reader}_global", GLOBAL_SCALE) if global_text else None
    if not any(zones):
        return total
    added = sum(
        _number(text, f"{reader}_{zone}", ZONE_SCALE)
        for zone, text in zip(_ZONES, zones, strict=True)
    )
    if total is not None and not math.isclose(total, added, abs_tol=_TOLERANCE):
        raise ValueError(f"the zones of {reader} add up to {added:g}, not to {total:g}")
    return added


def _number(text: str, column: str, scale: Scale) -> float:
    try:
        number = parse_number(text)
    except ValueError as error:
        raise ValueError(f"{column} is {text!r}, no number") from error
    if not scale.lowest <= number <= scale.highest:
        raise ValueError(f"{column} is {number:g}, not from {scale.lowest:g} to {scale.highest:g}")
    return number
