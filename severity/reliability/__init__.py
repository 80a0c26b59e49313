"""How far a score can be relied on: its errors, and whether the image is like known films."""

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
    from severity.reliability.likeness import (
        FRONTAL,
        MAP_FEATURES,
        Maps,
        Reference,
        frontal_films,
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
    "Reference",
    "ScoreCalibration",
    "calibration_from_json",
    "calibration_to_json",
    "frontal_films",
    "light_blocks",
    "maps",
    "to_safetensors",
]
