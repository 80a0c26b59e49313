"""Builders of measurements."""

from benchmarks.comparison import REFERENCE, Contender, Round, Section
from benchmarks.jobs import Format, Precision, Rate, Variant

OURS = Contender(Variant.OURS, Precision.FP32)
BARE = Contender(Variant.BARE, Precision.FP32)


def measured(films_per_second, points=((4.0, 3.0), (2.0, 1.0)), *, peak_bytes=0):
    """Two films at a rate."""
    return Rate(2, 2 / films_per_second, points, "what ran", peak_bytes)


def one_round(reference, ours, bare) -> Round:
    return {
        REFERENCE.name: measured(reference),
        OURS.name: measured(ours),
        BARE.name: measured(bare, ()),
    }


def section_of(*rounds: Round, model="compact-2") -> Section:
    return Section(model, "cpu", Format.RASTER, rounds, {"ours fp32": {"read": 1.0}})
