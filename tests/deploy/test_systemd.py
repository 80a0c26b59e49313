"""Tests of the units that need no systemd that runs: its own checks, and what they start."""

import shlex
import shutil
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest

from flows.cli.app import app
from flows.settings import Settings, read_settings

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy/systemd"
UNITS = sorted(FOLDER.glob("**/*.service"))
INSTALLED = ("/opt/cxr-severity/bin/", "%h/.local/share/cxr-severity-program/bin/")
LARGEST_EXPOSURE = "20"  # of 100, by systemd's own measure: "OK"


def started(unit: Path) -> list[str]:
    """The command that a unit starts, without its path."""
    parser = ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(unit, encoding="utf-8")
    program, *arguments = shlex.split(parser["Service"]["ExecStart"])
    assert program in {f"{folder}cxr-severity" for folder in INSTALLED}
    return arguments


def analyzed(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    return subprocess.run(
        ["systemd-analyze", "--no-pager", *arguments], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: str(unit.relative_to(FOLDER)))
def test_systemd_understands_each_line(unit: Path, tmp_path: Path) -> None:
    text = unit.read_text(encoding="utf-8")
    for folder in INSTALLED:
        text = text.replace(folder, f"{Path(sys.executable).parent}/")
    (tmp_path / unit.name).write_text(text)

    verified = analyzed("verify", "--man=no", tmp_path / unit.name)

    assert verified.returncode == 0, verified.stderr
    assert unit.name not in verified.stderr


@pytest.mark.parametrize("unit", sorted(FOLDER.glob("*.service")), ids=lambda unit: str(unit.name))
def test_a_system_unit_reaches_little_of_the_machine(unit: Path) -> None:
    judged = analyzed("security", "--offline=yes", f"--threshold={LARGEST_EXPOSURE}", unit)

    assert judged.returncode == 0, judged.stdout


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: str(unit.relative_to(FOLDER)))
def test_each_unit_starts_a_command_that_goes_on(unit: Path) -> None:
    (command,) = started(unit)

    assert command in app.commands
    assert command in {"up", "serve", "dashboard", "receive"}


def test_the_example_of_settings_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = (FOLDER / "settings.example").read_text(encoding="utf-8").splitlines()
    pairs = [line.lstrip("#").partition("=") for line in lines if "=" in line]
    settings = {name: value for name, _, value in pairs}
    known = {f"SEVERITY_{name.upper()}" for name in Settings.model_fields}
    assert set(settings) - known == {"DATABASE_URL", "PGPASSWORD"}

    for name, value in settings.items():
        if value and f"#{name}=" not in "\n".join(lines):
            monkeypatch.setenv(name, value)
    assert read_settings().poll_seconds == 60
