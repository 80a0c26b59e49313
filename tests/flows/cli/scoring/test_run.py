"""The command `run`."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from flows.resources import Progress, Resources
from tests.builders.commands import Command, Program, prefect_of_the_session
from tests.builders.small_images import write_image, write_inbox

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(prefect: None, program: Program, database: object, tmp_path: Path) -> Run:
    """Run the command on the session's Prefect: to start one of its own takes it seconds."""
    settings = prefect_of_the_session()

    def run(*options: str, settle: str = "0") -> subprocess.CompletedProcess[str]:
        inbox, age = str(tmp_path / "inbox"), {"SEVERITY_SETTLE_SECONDS": settle}
        return program("run", "--inbox", inbox, *options, **age, **settings)

    return run


def test_a_run_says_once_that_other_versions_scored_before(
    score: Callable[..., object], resources: Resources, run: Run, tmp_path: Path
) -> None:
    write_inbox(tmp_path / "inbox", images=2)
    older = Resources(resources.settings.model_copy(update={"model": "compact-1"}), Progress())
    before = score(tmp_path / "inbox", older).model_version

    result = run()

    assert result.returncode == 0, result.stderr
    assert f"Scores by other model versions exist ({before})" in result.stdout
    assert "2 scored, 0 rejected" in result.stdout


def test_a_run_says_why_files_are_left_for_the_next_pass(run: Run, tmp_path: Path) -> None:
    write_inbox(tmp_path / "inbox", images=1)

    result = run(settle="3600")

    assert "1 left for the next pass (changed just now)" in result.stdout


def test_what_cannot_be_read_ends_a_run_that_did_the_rest_with_code_3(
    run: Run, program: Program, tmp_path: Path
) -> None:
    inbox, elsewhere = tmp_path / "inbox", tmp_path / "elsewhere"
    elsewhere.mkdir()
    write_image(elsewhere / "secret.png", seed=1)
    write_inbox(inbox, images=1)
    (inbox / "link.png").symlink_to(elsewhere / "secret.png")

    result = run()

    assert result.returncode == 3, result.stderr
    assert "1 scored" in result.stdout
    assert "2 seen = 1 accepted + 0 rejected + 1 unread" in result.stdout
    assert program("status").returncode == 3

    (inbox / "link.png").unlink()

    assert run().returncode == 0
    assert program("status", "--verify").returncode == 0


def test_an_empty_inbox_where_images_lay_is_no_success(run: Run, tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    write_inbox(inbox, images=1)
    assert run().returncode == 0
    for file in inbox.iterdir():
        file.unlink()

    assert run().returncode == 3
    assert run("--emptied").returncode == 0
    assert run().returncode == 0


@pytest.mark.usefixtures("prefect")
def test_a_run_scores_all_sources_or_those_named_and_says_which_failed(
    correct: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write_inbox(tmp_path / "ward", images=2)
    sources = json.dumps({"ward": str(tmp_path / "ward"), "icu": str(tmp_path / "icu")})
    monkeypatch.setenv("SEVERITY_SETTLE_SECONDS", "0")
    monkeypatch.setenv("SEVERITY_SOURCES", sources)

    both = correct("run")
    named = correct("run", "ward")
    status = json.loads(correct("status", "--json").out)["sources"]

    assert both.code == 3, both.err
    assert "icu failed: " in both.out
    assert "2 scored, 0 rejected" in both.out
    assert (named.code, "icu" in named.out) == (0, False)
    assert correct("run", "icu").code == 1
    assert correct("run", "pacs").code == 2
    assert [(entry["name"], entry["source"]) for entry in status] == [
        ("ward", str(tmp_path / "ward"))
    ]
