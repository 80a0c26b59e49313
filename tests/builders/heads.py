"""Heads for tests, and files of the kinds that can be imported."""

import json
import pickle
from pathlib import Path

import numpy as np

from severity.domain import Scale
from severity.heads.head import Head, HeadInput, Layer

LINEAR = {
    "geographic_extent": {"weights": {"Lung Opacity": 0.5, "Pneumonia": 0.25}, "intercept": 3},
    "opacity": {"weights": {"Lung Opacity": 0.25}, "intercept": 2},
}

# Options of `model import` for the facts that a head's files do not contain.
AS_MINE_V1 = ("--name", "mine-v1", "--extent-scale", "0", "8", "--opacity-scale", "0", "6")


def linear_head(*, name: str = "mine-v1", slope: float = 0.5) -> Head:
    layer = Layer(np.full((18, 1), slope), np.ones(1))
    return Head(
        name=name,
        backbone="densenet121-res224-all",
        takes=HeadInput.LOGITS,
        layers=((layer,), (layer,)),
        geographic_extent=Scale(0, 8),
        opacity=Scale(0, 6),
    )


def write_mlp(path: Path, *, seed: int, inputs: int = 1024) -> Path:
    """Write a file like those of the authors of the RALO head, with random numbers."""
    random = np.random.default_rng(seed)
    coefs = [random.normal(scale=0.03, size=shape) for shape in ((inputs, 1000), (1000, 1))]
    intercepts = [random.normal(size=size) for size in (1000, 1)]
    path.write_bytes(pickle.dumps((coefs, intercepts), protocol=3))
    return path


def write_ralo(folder: Path) -> tuple[str, str]:
    """Write the two files under their published names."""
    extent = write_mlp(folder / "mlp_geo.pkl", seed=1)
    opacity = write_mlp(folder / "mlp_opa.pkl", seed=2)
    return str(extent), str(opacity)


def write_linear(path: Path) -> str:
    path.write_text(json.dumps(LINEAR))
    return str(path)
