"""Builders of measurements."""

from benchmarks.comparison import REFERENCE, Contender, Round, Section
from benchmarks.jobs import Format, Precision, Rate, Variant

OURS = Contender(Variant.OURS, Precision.FP32)
NETWORK_ONLY = Contender(Variant.NETWORK_ONLY, Precision.FP32)


def measured(images_per_second, points=((4.0, 3.0), (2.0, 1.0)), *, peak_bytes=0):
    """Return the rate of two images."""
    return Rate(2, 2 / images_per_second, points, "what ran", peak_bytes)


def round_of(reference, ours, network_only) -> Round:
    return {
        REFERENCE.name: measured(reference),
        OURS.name: measured(ours),
        NETWORK_ONLY.name: measured(network_only, ()),
    }


def section_of(*rounds: Round, model="compact-2") -> Section:
    return Section(model, "cpu", Format.RASTER, rounds, {"ours fp32": {"read": 1.0}})
