"""The command line where torch is not installed; see also `make test-cpu`."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.builders.commands import environment
from tests.builders.small_images import write_image

pytestmark = pytest.mark.weights

Command = Callable[..., subprocess.CompletedProcess[str]]

PROGRAM = """
import sys
from importlib.machinery import PathFinder

class WithoutTorch(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "torchvision", "torchxrayvision"):
            return None
        return super().find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = WithoutTorch
from flows.cli import main
main()
"""


@pytest.fixture
def image(tmp_path: Path) -> Path:
    write_image(tmp_path / "image.png", seed=0)
    return tmp_path / "image.png"


@pytest.fixture
def command(tmp_path: Path) -> Command:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", PROGRAM, *arguments],
            env=environment(SEVERITY_HOME=str(tmp_path / "home")),
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )

    return run


def test_a_bundled_model_scores(command: Command, image: Path) -> None:
    result = command("score", "--csv", str(image))

    assert result.returncode == 0, result.stderr
    assert "compact-3-fp32-82706141" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "feature"),
    [
        (["score", "--device", "cuda"], "--device cuda"),
        (["score", "--saliency", "maps"], "--saliency"),
        (["score", "--model", "txrv-cidc-v1"], "the model txrv-cidc-v1"),
    ],
)
def test_a_feature_that_needs_torch_ends_in_one_line_with_the_remedy(
    command: Command, image: Path, arguments: list[str], feature: str
) -> None:
    result = command(*arguments, str(image))

    assert result.returncode == 1
    (line,) = [line for line in result.stderr.splitlines() if "No GPU here" not in line]
    assert line.startswith(f"cxr-severity: {feature} needs torch")
    assert "`make install`" in line
    assert result.stdout == ""
