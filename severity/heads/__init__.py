"""Heads: functions from a backbone's outputs to points, and their files."""

from typing import TYPE_CHECKING

from severity.lazy_names import importing_when_asked

if TYPE_CHECKING:
    from severity.heads.findings import FINDINGS
    from severity.heads.head import NAME, Chain, Head, HeadInput, Layer, apply_chain
    from severity.heads.head_files import (
        LARGEST_BYTES,
        head_from_safetensors,
        head_to_safetensors,
        read_linear_json,
        read_linear_npz,
        read_mlp_pickle,
    )
    from severity.heads.lungs import LINE, Division, Drawn, zone_means
    from severity.heads.published import INPUTS, LINEAR_NAME, linear_on_lung_opacity
    from severity.heads.triage import CLASSES, Triage, TriageClass, softmax
else:
    __getattr__ = importing_when_asked(__name__)

__all__ = [
    "CLASSES",
    "FINDINGS",
    "INPUTS",
    "LARGEST_BYTES",
    "LINE",
    "LINEAR_NAME",
    "NAME",
    "Chain",
    "Division",
    "Drawn",
    "Head",
    "HeadInput",
    "Layer",
    "Triage",
    "TriageClass",
    "apply_chain",
    "head_from_safetensors",
    "head_to_safetensors",
    "linear_on_lung_opacity",
    "read_linear_json",
    "read_linear_npz",
    "read_mlp_pickle",
    "softmax",
    "zone_means",
]
