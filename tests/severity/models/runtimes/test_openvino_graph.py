import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from severity.errors import WrongWeights
from severity.models.backbone import Backbone
from severity.models.bundled import load_bundled_backbone
from severity.models.runtimes.openvino_graph import graph

pytestmark = pytest.mark.weights


def test_openvino_reports_to_nobody() -> None:
    """Importing it would send an event over the network, or ask on the terminal first."""
    program = "import severity.models.runtimes.openvino_graph, sys; print(*sys.modules)"
    modules = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.split()

    assert "openvino" in modules
    assert not [name for name in modules if name.startswith("openvino_telemetry.")]


@pytest.mark.parametrize(
    ("tensor", "shape"),
    [("backbone.stem.0.0.weight", (32, 3, 3, 3)), ("backbone.top.0.1.bias", (1281,))],
)
def test_weights_of_another_shape_are_refused(tensor: str, shape: tuple[int, ...]) -> None:
    backbone, _ = load_bundled_backbone("compact-2")
    misshapen = dict(backbone.tensors) | {tensor: np.zeros(shape, np.float32)}

    with pytest.raises(WrongWeights, match="does not fit"):
        graph(Backbone(backbone.network, misshapen))


def test_weights_that_are_missing_or_too_many_are_refused() -> None:
    backbone, _ = load_bundled_backbone("compact-2")
    fewer = dict(backbone.tensors)
    fewer.pop("backbone.top.0.0.weight")

    with pytest.raises(WrongWeights, match=r"backbone\.top\.0\.0\.weight"):
        replace(backbone, tensors=fewer)
    with pytest.raises(WrongWeights, match="spare"):
        replace(backbone, tensors=dict(backbone.tensors) | {"spare": np.zeros(1, np.float32)})
    with pytest.raises(WrongWeights, match="float64"):
        replace(backbone, tensors={k: v.astype(float) for k, v in backbone.tensors.items()})
