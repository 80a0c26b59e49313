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
    write_image(tmp_path / "film.png", seed=0)
    return tmp_path / "film.png"


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
    ended = command("score", "--csv", str(image))

    assert ended.returncode == 0, ended.stderr
    assert "compact-2-fp32-68a2d979" in ended.stdout


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["score", "--device", "cuda"], "--device cuda"),
        (["score", "--saliency", "maps"], "--saliency"),
        (["score", "--model", "txrv-cidc-v1"], "the model txrv-cidc-v1"),
    ],
)
def test_what_needs_torch_says_so_in_one_line_and_how_to_get_it(
    command: Command, image: Path, arguments: list[str], what: str
) -> None:
    ended = command(*arguments, str(image))

    assert ended.returncode == 1
    (line,) = [line for line in ended.stderr.splitlines() if "No GPU here" not in line]
    assert line.startswith(f"cxr-severity: {what} needs torch")
    assert "`make install`" in line
    assert ended.stdout == ""
