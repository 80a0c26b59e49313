"""Bridges between two model versions: one's scores as the other would have given them."""

from typing import TYPE_CHECKING

from severity.lazy_names import importing_when_asked

if TYPE_CHECKING:
    from severity.bridging.bridge import Bridge, Converted, ScoreBridge
    from severity.bridging.checking import Checked, held_out
    from severity.bridging.fitting import (
        FEWEST_FILMS,
        FEWEST_PATIENTS,
        FEWEST_REPEATED,
        MOST_OUT_OF_DISTRIBUTION,
        MOST_SLOPE_ERROR,
        Errors,
        PairedFilms,
        fit,
    )
    from severity.bridging.line import Line, deming
else:
    __getattr__ = importing_when_asked(__name__)

__all__ = [
    "FEWEST_FILMS",
    "FEWEST_PATIENTS",
    "FEWEST_REPEATED",
    "MOST_OUT_OF_DISTRIBUTION",
    "MOST_SLOPE_ERROR",
    "Bridge",
    "Checked",
    "Converted",
    "Errors",
    "Line",
    "PairedFilms",
    "ScoreBridge",
    "deming",
    "fit",
    "held_out",
]
