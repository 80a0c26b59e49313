"""Reliability of a score: its calibration, and whether the image is out of distribution."""

from typing import TYPE_CHECKING

from severity.lazy_names import importing_when_asked

if TYPE_CHECKING:
    from severity.reliability.calibration import (
        COVERAGE,
        Calibration,
        Margins,
        ScoreCalibration,
        calibration_from_json,
        calibration_to_json,
    )
    from severity.reliability.out_of_distribution import (
        FRONTAL,
        MAP_FEATURES,
        Maps,
        ReferenceDistribution,
        frontal_distribution,
        light_blocks,
        maps,
        to_safetensors,
    )
else:
    __getattr__ = importing_when_asked(__name__)

__all__ = [
    "COVERAGE",
    "FRONTAL",
    "MAP_FEATURES",
    "Calibration",
    "Maps",
    "Margins",
    "ReferenceDistribution",
    "ScoreCalibration",
    "calibration_from_json",
    "calibration_to_json",
    "frontal_distribution",
    "light_blocks",
    "maps",
    "to_safetensors",
]
