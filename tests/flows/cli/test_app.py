"""The commands as a user meets them: started in a process, read from the terminal."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from flows.cli.app import app
from flows.cli.lazy_group import ListedCommand
from flows.demo.films import FILMS, write_demo_inbox
from flows.errors import UsageError
from flows.resources import Resources
from severity.domain import RESEARCH_USE_ONLY
from severity.gpus import gpus
from tests.builders.films import write_inbox
from tests.builders.settings import SECRET

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def command(database_url: str, tmp_path: Path) -> Command:
    """Run `cxr-severity` as a program; nothing but these settings reaches it."""

    def run(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        environment = os.environ | {
            "DATABASE_URL": database_url,
            "SEVERITY_PSEUDONYM_KEY": SECRET,
            "SEVERITY_HOME": str(tmp_path / "home"),
            **settings,
        }
        return subprocess.run(
            [sys.executable, "-m", "flows", *arguments],
            env=environment,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )

    return run


@pytest.fixture
def ask(have: Resources, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run a command in this process, on the test's database."""
    assert have.settings.database_url is not None
    monkeypatch.setenv("DATABASE_URL", have.settings.database_url.get_secret_value())
    monkeypatch.setenv("SEVERITY_PSEUDONYM_KEY", SECRET)

    def ask(*arguments: str) -> Result:
        return CliRunner().invoke(app, arguments, catch_exceptions=False)

    return ask


@pytest.mark.parametrize(
    ("arguments", "settings", "message"),
    [
        (["trend"], {}, "Missing argument 'PATIENT'"),
        (["bogus"], {}, "No such command 'bogus'"),
        (["score", "no-such-file"], {}, "does not exist"),
        (["run"], {}, "give --inbox DIR_OR_URL or set SEVERITY_INBOX"),
        (["run", "--model", "best"], {}, "no model 'best'; there is compact-2, compact-1"),
        (["status"], {"SEVERITY_MODEL": "best"}, "SEVERITY_MODEL"),
        (["status"], {"SEVERITY_TIMEZONE": "Mars/Phobos"}, "SEVERITY_TIMEZONE"),
        (["status"], {"SEVERITY_PSEUDONYM_KEY": ""}, "SEVERITY_PSEUDONYM_KEY is required"),
        (["status"], {"SEVERITY_PSEUDONYM_KEY": "short"}, "SEVERITY_PSEUDONYM_KEY is shorter"),
    ],
)
def test_wrong_use_gives_one_clear_line_and_exit_code_2(
    command: Command, arguments: Sequence[str], settings: dict[str, str], message: str
) -> None:
    ended = command(*arguments, **settings)

    assert ended.returncode == 2
    assert message in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
    assert ended.stdout == ""


def test_what_cannot_be_done_gives_one_clear_line_and_exit_code_1(
    command: Command, tmp_path: Path
) -> None:
    for ended, message in [
        (command("run", "--inbox", str(tmp_path / "none")), "is not a folder"),
        (command("run", "--inbox", "ftp://host/x"), "neither a folder nor s3://"),
        (command("status"), "cxr-severity db upgrade"),
        (
            command("status", DATABASE_URL="postgresql://me:hidden@127.0.0.1:1/x"),
            "no connection to PostgreSQL",
        ),
    ]:
        assert ended.returncode == 1, ended
        assert message in ended.stderr
        assert len(ended.stderr.splitlines()) == 1, ended.stderr
        assert "hidden" not in ended.stderr


@pytest.mark.skipif(gpus() > 0, reason="this machine has a GPU")
def test_a_machine_without_a_gpu_says_so_once_and_not_if_told_to_use_the_cpu(
    command: Command, tmp_path: Path
) -> None:
    write_inbox(tmp_path / "inbox", films=1)
    films = [str(path) for path in (tmp_path / "inbox").iterdir()]

    assert command("score", "--json", *films).stderr.count("No GPU here") == 1
    assert "GPU" not in command("score", "--json", "--device", "cpu", *films).stderr


def test_every_command_explains_itself_and_says_what_it_is_for() -> None:
    runner = CliRunner()
    assert RESEARCH_USE_ONLY in " ".join(runner.invoke(app, ["--help"]).output.split())
    for name in ("demo", "score", "run", "serve", "trend", "status", "release", "db"):
        shown = runner.invoke(app, [name, "--help"])
        assert shown.exit_code == 0
        assert len(shown.output.splitlines()) > 4


def listed_commands(group: click.Group = app) -> Iterator[click.Command]:
    for command in group.commands.values():
        if isinstance(command, click.Group):
            yield from listed_commands(command)
        else:
            yield command


@pytest.mark.parametrize("listed", list(listed_commands()), ids=lambda listed: listed.name)
def test_a_list_of_commands_has_the_first_line_of_each(listed: ListedCommand) -> None:
    command = listed.imported()

    assert command.name == listed.name
    assert command.help is not None
    assert command.help.partition("\n\n")[0] == listed.short_help


def test_the_database_is_made_by_a_command_and_only_then_used(command: Command) -> None:
    assert "revision 0003" in command("db", "upgrade").stdout
    assert "has scored nothing yet" in command("status").stdout


def test_score_needs_no_database_and_says_why_a_file_was_rejected(
    command: Command, tmp_path: Path
) -> None:
    write_demo_inbox(tmp_path / "films")
    film = tmp_path / "films" / FILMS[0].name
    text_file = tmp_path / "films" / "read-me-i-am-not-an-image.dcm"

    ended = command("score", "--json", str(film), str(text_file), DATABASE_URL="")

    assert ended.returncode == 1, ended.stderr
    document = json.loads(ended.stdout)
    scored, rejected = document["results"]
    assert document["notice"] == RESEARCH_USE_ONLY
    assert 0 <= scored["geographic_extent"] <= 8
    assert scored["simulated"] is True
    assert (rejected["geographic_extent"], rejected["reason"]) == (None, "not_an_image")


def test_score_writes_csv_with_the_model_version(
    ask: Callable[..., Result], tmp_path: Path
) -> None:
    write_inbox(tmp_path, films=2)

    shown = ask("score", "--csv", str(tmp_path / "film-0001.png"), str(tmp_path / "film-0000.png"))

    header, first, second = shown.stdout.splitlines()
    assert header.startswith("file,model_version,geographic_extent,opacity")
    assert "film-0001.png,compact-2-fp32-" in first
    assert "film-0000.png,compact-2-fp32-" in second


def test_score_writes_saliency_maps_and_replaces_none(
    ask: Callable[..., Result], tmp_path: Path
) -> None:
    write_inbox(tmp_path, films=1)
    asked = (
        "score",
        "--json",
        "--saliency",
        str(tmp_path / "maps"),
        str(tmp_path / "film-0000.png"),
    )

    (result,) = json.loads(ask(*asked).stdout)["results"]

    assert Path(result["saliency"]).read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "maps/film-0000.saliency.npy").is_file()
    with pytest.raises(UsageError, match="exists and is not replaced"):
        ask(*asked)


def test_a_trend_is_found_by_the_hospitals_identifier_and_by_the_pseudonym(
    score: Callable[[Path], object], ask: Callable[..., Result], tmp_path: Path
) -> None:
    write_inbox(tmp_path / "inbox", films=4, patients=1)
    score(tmp_path / "inbox")

    shown = json.loads(ask("trend", "P0", "--json").output)
    again = json.loads(ask("trend", shown["patient_key"], "--json").output)
    table = ask("trend", "P0", "--chart", str(tmp_path / "trend.png")).output

    assert shown == again
    assert len(shown["observations"]) == 4
    assert "P0" not in table
    assert RESEARCH_USE_ONLY in table
    assert "2020-03-04" in table
    assert (tmp_path / "trend.png").read_bytes().startswith(b"\x89PNG")


def test_status_and_release_speak_of_what_was_rejected(
    score: Callable[[Path], object], ask: Callable[..., Result], tmp_path: Path
) -> None:
    write_inbox(tmp_path / "inbox", films=2)
    (tmp_path / "inbox/notes.txt").write_text("no film")
    score(tmp_path / "inbox")

    assert "3 seen = 2 scored + 1 rejected + 0 pending" in ask("status").output
    assert "1 rejected for not_an_image wait again" in ask("release", "not_an_image").output
    assert "3 seen = 2 scored + 0 rejected + 1 pending" in ask("status").output


def test_a_run_says_once_that_other_versions_scored_before(
    score: Callable[[Path], object], have: Resources, command: Command, tmp_path: Path
) -> None:
    write_inbox(tmp_path / "inbox", films=2)
    real = have.model
    have.__dict__["model"] = replace(real, version=replace(real.version, preprocessing="before"))
    before = score(tmp_path / "inbox").model_version

    ended = command("run", "--inbox", str(tmp_path / "inbox"), SEVERITY_SETTLE_SECONDS="0")

    assert ended.returncode == 0, ended.stderr
    assert f"This database also holds scores by {before}: never joined" in ended.stdout
    assert "2 scored, 0 rejected" in ended.stdout


def test_an_unknown_patient_is_wrong_use(command: Command) -> None:
    command("db", "upgrade")
    ended = command("trend", "nobody")

    assert ended.returncode == 2
    assert ended.stderr == "cxr-severity: no dated score of this patient by compact-2\n"


@pytest.mark.parametrize("module", ["app", "trend", "database", "models"])
def test_looking_at_scores_loads_no_torch(module: str) -> None:
    """It takes seconds, which a status or a trend need not wait for."""
    program = f"import flows.cli.{module}, sys; sys.exit('torch' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
