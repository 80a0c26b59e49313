"""Networks and where they run: from a model input to scores."""

from typing import TYPE_CHECKING

from severity.lazy_names import importing_when_asked

if TYPE_CHECKING:
    from severity.models.backbone import Precision
    from severity.models.backbone_catalogue import BACKBONES, findings, widths
    from severity.models.bundled import (
        bundled_tensors,
        head_of,
        load_bundled,
        load_bundled_backbone,
        load_on_bundled,
    )
    from severity.models.bundled_cards import (
        BUNDLED,
        bundled_calibration,
        bundled_card,
        bundled_course_parameters,
        bundled_file,
        check_precision,
        check_weights,
    )
    from severity.models.feature_extractor import FeatureExtractor
    from severity.models.network import network_to_json
    from severity.models.optional_torch import require_torch, torch_installed
    from severity.models.runtimes.runtime import CpuRuntime, ModelInput, in_memory
    from severity.models.saliency import saliency_maps
    from severity.models.scoring_model import Placement, ScoringModel, placed
    from severity.models.torchxrayvision_weights import weight_set
else:
    __getattr__ = importing_when_asked(__name__)

__all__ = [
    "BACKBONES",
    "BUNDLED",
    "CpuRuntime",
    "FeatureExtractor",
    "ModelInput",
    "Placement",
    "Precision",
    "ScoringModel",
    "bundled_calibration",
    "bundled_card",
    "bundled_course_parameters",
    "bundled_file",
    "bundled_tensors",
    "check_precision",
    "check_weights",
    "findings",
    "head_of",
    "in_memory",
    "load_bundled",
    "load_bundled_backbone",
    "load_on_bundled",
    "network_to_json",
    "placed",
    "require_torch",
    "saliency_maps",
    "torch_installed",
    "weight_set",
    "widths",
]
