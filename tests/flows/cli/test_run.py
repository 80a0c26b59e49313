"""The command `run`."""

from collections.abc import Callable
from pathlib import Path

from flows.resources import Progress, Resources
from tests.builders.commands import Program
from tests.builders.small_images import write_inbox


def test_a_run_says_once_that_other_versions_scored_before(
    score: Callable[..., object], resources: Resources, program: Program, tmp_path: Path
) -> None:
    write_inbox(tmp_path / "inbox", images=2)
    older = Resources(resources.settings.model_copy(update={"model": "compact-1"}), Progress())
    before = score(tmp_path / "inbox", older).model_version

    result = program("run", "--inbox", str(tmp_path / "inbox"), SEVERITY_SETTLE_SECONDS="0")

    assert result.returncode == 0, result.stderr
    assert f"Scores by other model versions exist ({before})" in result.stdout
    assert "2 scored, 0 rejected" in result.stdout
