"""Colours and marks of a chart, which differ in darkness and shape too: for grey and any eyes."""

from collections.abc import Mapping
from types import MappingProxyType

from severity.domain import Verdict, View

LEVEL, BAND = "#08306b", "#9ecae1"
QUIET, FAINT, FLAGGED = "0.42", "0.93", "#b35806"
TREATMENT, TREATMENT_EDGE = "#f2c14e", "#7a5200"
SIZE = 5.5  # of a mark, in points of 1/72 inch

VIEW_MARKS: Mapping[View, str] = MappingProxyType(
    {View.PA: "o", View.AP: "s", View.AP_SUPINE: "D", View.UNKNOWN: "p"}
)

VERDICT_MARKS: Mapping[Verdict, tuple[str, str, str]] = MappingProxyType(
    {
        # Marker, face, edge.
        Verdict.WORSE: ("^", "#a50026", "#a50026"),
        Verdict.BETTER: ("v", "white", "#08519c"),
        Verdict.UNCHANGED: ("s", "0.35", "0.35"),
        Verdict.CANNOT_TELL: ("_", "0.55", "0.55"),
    }
)
