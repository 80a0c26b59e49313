"""The wheel, installed outside the clone as by someone who has nothing else of this project."""

import os
import re
import signal
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path
from shutil import copy, copytree, ignore_patterns, rmtree
from tempfile import mkdtemp
from zipfile import ZipFile

import httpx
import pytest

from tests.builders.services import processes_of, until

pytestmark = [pytest.mark.server, pytest.mark.weights, pytest.mark.long]

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    source = _copy(folder / "source")
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--quiet"]
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", *options, "--wheel-dir", folder, source], check=True
    )
    (built,) = folder.glob("*.whl")
    return built


def _copy(folder: Path) -> Path:
    """Copy what a build reads: it would leave its own files in the clone."""
    for package in ("severity", "db", "flows"):
        copytree(ROOT / package, folder / package, ignore=ignore_patterns("__pycache__"))
    for file in ("pyproject.toml", "README.md", "LICENSE"):
        copy(ROOT / file, folder / file)
    return folder


def test_the_wheel_brings_everything_that_the_packages_hold(wheel: Path) -> None:
    shipped = set(ZipFile(wheel).namelist())
    held = {
        str(path.relative_to(ROOT))
        for package in ("severity", "db", "flows")
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }

    assert held - shipped == set()
    assert {path.partition("/")[0] for path in shipped} >= {"severity", "db", "flows"}


@pytest.fixture(scope="module")
def program(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command in an environment of its own, into which the wheel was installed."""
    environment = tmp_path_factory.mktemp("environment") / "venv"
    venv.create(environment, with_pip=False)
    (python,) = environment.glob("bin/python3")
    options = ["--no-deps", "--no-index", "--quiet", "--disable-pip-version-check"]
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", python, "install", *options, wheel], check=True
    )
    _lend_dependencies(environment)
    return environment / "bin/cxr-severity"


@pytest.fixture
def home() -> Iterator[Path]:
    """A home that the embedded PostgreSQL's own user can reach, as it could not in pytest's."""
    home = Path(mkdtemp(prefix="severity-wheel-"))
    yield home
    until(lambda: not processes_of(home))
    rmtree(home)


def test_the_wheel_runs_the_demonstration_outside_the_clone_and_then_shows_it(
    program: Path, home: Path, tmp_path: Path
) -> None:
    run = {"cwd": _empty(tmp_path / "elsewhere"), "env": _settings(home=home), "text": True}

    ended = subprocess.run([program, "demo"], capture_output=True, timeout=300, check=False, **run)
    with subprocess.Popen([program, "demo", "--open"], stdout=subprocess.PIPE, **run) as shown:
        links = (re.search(r"http://\S+/patients/\S+", line) for line in shown.stdout)
        answer = httpx.get(next(link[0] for link in links if link))
        shown.send_signal(signal.SIGINT)

    assert ended.returncode == 0, ended.stderr
    assert "rejected" in ended.stdout
    assert "SIMULATED" in ended.stdout
    assert f"{program} dashboard --home" in ended.stdout.splitlines()[-1]
    assert answer.is_success
    assert "SIMULATED dexamethasone" in answer.text
    assert shown.returncode == 0


def _lend_dependencies(environment: Path) -> None:
    """Let the environment import what this one does, behind the wheel that it has itself."""
    (packages,) = environment.glob("lib/python*/site-packages")
    lenders = [path for path in sys.path if path.endswith("site-packages")]
    (packages / "lent.pth").write_text("".join(f"{path}\n" for path in lenders))


def _empty(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _settings(*, home: Path) -> dict[str, str]:
    """Return an environment that tells the command nothing but where its home is."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "TMPDIR")}
    return kept | {"HOME": str(home), "SEVERITY_HOME": str(home), "SEVERITY_DEVICE": "cpu"}
