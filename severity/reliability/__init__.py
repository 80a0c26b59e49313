"""Reliability of a score: its calibration, and whether the image or its processing is unusual."""

from typing import TYPE_CHECKING

from severity.lazy_names import importing_when_asked

if TYPE_CHECKING:
    from severity.reliability.blocks import MAP_FEATURES, Maps, light_blocks, maps
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
        LEAST_GREYS,
        ReferenceDistribution,
        frontal_distribution,
        to_safetensors,
    )
    from severity.reliability.processing import (
        PROCESSING,
        ProcessingReference,
        known_processing,
        processing_to_json,
    )
else:
    __getattr__ = importing_when_asked(__name__)

__all__ = [
    "COVERAGE",
    "FRONTAL",
    "LEAST_GREYS",
    "MAP_FEATURES",
    "PROCESSING",
    "Calibration",
    "Maps",
    "Margins",
    "ProcessingReference",
    "ReferenceDistribution",
    "ScoreCalibration",
    "calibration_from_json",
    "calibration_to_json",
    "frontal_distribution",
    "known_processing",
    "light_blocks",
    "maps",
    "processing_to_json",
    "to_safetensors",
]
