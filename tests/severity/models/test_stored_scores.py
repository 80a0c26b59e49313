"""Scores that were stored when the models were: what moves one of them moves every patient's."""

import json
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from severity.images.preprocessing import to_model_input
from severity.models.bundled import load_bundled
from severity.models.bundled_cards import BUNDLED
from severity.models.scoring_model import Placement
from tests.builders.images import three_images
from tests.builders.reading import published, read

pytestmark = pytest.mark.weights

STORED = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
TOLERANCE = 1e-4
"""Points. Another processor, or another release of a library, adds numbers up in another order."""
VECTORS = ("avx", "fma", "amx")


def made_with() -> dict[str, str]:
    """Return what decides the last digits: the processor and the libraries that add up."""
    cpu = Path("/proc/cpuinfo")
    first = cpu.read_text().partition("\n\n")[0] if cpu.exists() else ""
    facts = {k.strip(): v.strip() for k, _, v in (row.partition(":") for row in first.splitlines())}
    name = " ".join(facts.get(key, "?") for key in ("model name", "cpu family", "model"))
    vectors = sorted(flag for flag in facts.get("flags", "").split() if flag.startswith(VECTORS))
    libraries = {name: version(name) for name in ("numpy", "openvino")}
    return {"processor": name, "instructions": " ".join(vectors), **libraries}


def images() -> dict[str, NDArray[np.float32]]:
    """Real images as DICOM in three encodings, and three images without a file."""
    inputs = {f"image-{n}": image for n, image in enumerate(three_images())}
    for name in ("RG1_UNCR", "RG1_UNCI", "RG1_J2KR"):
        inputs[name] = to_model_input(read(published(f"{name}.dcm")).grey)
    return inputs


@pytest.mark.parametrize("name", BUNDLED)
def test_a_bundled_model_gives_the_scores_that_were_stored(name: str) -> None:
    inputs, stored = images(), STORED["points"][name]
    scores = load_bundled(name, Placement()).score(list(inputs.values()))
    points = {
        image: [score.geographic_extent_raw, score.opacity_raw]
        for image, score in zip(inputs, scores, strict=True)
    }

    assert points.keys() == stored.keys()
    for image, hexadecimal in stored.items():
        expected = [float.fromhex(number) for number in hexadecimal]
        assert points[image] == pytest.approx(expected, abs=TOLERANCE)
        if made_with() == STORED["made_with"]:
            assert points[image] == expected
