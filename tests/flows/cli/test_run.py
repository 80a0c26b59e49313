"""The command `run`."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from flows.resources import Resources
from tests.builders.commands import Program
from tests.builders.films import write_inbox


def test_a_run_says_once_that_other_versions_scored_before(
    score: Callable[[Path], object], have: Resources, program: Program, tmp_path: Path
) -> None:
    write_inbox(tmp_path / "inbox", films=2)
    real = have.model
    have.__dict__["model"] = replace(real, version=replace(real.version, preprocessing="before"))
    before = score(tmp_path / "inbox").model_version

    ended = program("run", "--inbox", str(tmp_path / "inbox"), SEVERITY_SETTLE_SECONDS="0")

    assert ended.returncode == 0, ended.stderr
    assert f"This database also holds scores by {before}: never joined" in ended.stdout
    assert "2 scored, 0 rejected" in ended.stdout
