"""The command line as a user meets it: what it lists, and how wrong use and failure end."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from flows.cli.app import app
from flows.cli.exit_codes import FAILURE
from flows.cli.lazy_group import ListedCommand, SectionedGroup
from severity.domain import RESEARCH_USE_ONLY
from tests.builders.commands import Program


@pytest.mark.parametrize(
    ("arguments", "settings", "message"),
    [
        (["trend"], {}, "Missing argument 'PATIENT'"),
        (["bogus"], {}, "No such command 'bogus'"),
        (["score", "no-such-file"], {}, "does not exist"),
        (["run"], {}, "give --inbox DIR_OR_URL or set SEVERITY_INBOX"),
        (
            ["run", "--model", "best"],
            {},
            "--model: no model 'best'; choose one of compact-3, compact-2, compact-1",
        ),
        (["run"], {"SEVERITY_MODEL": "best"}, "SEVERITY_MODEL: no model 'best'"),
        (["serve"], {"SEVERITY_MODEL": "best"}, "SEVERITY_MODEL: no model 'best'"),
        (["up"], {"SEVERITY_MODEL": "best"}, "SEVERITY_MODEL: no model 'best'"),
        (["status"], {"SEVERITY_TIMEZONE": "Mars/Phobos"}, "SEVERITY_TIMEZONE"),
        (["status"], {"SEVERITY_PSEUDONYM_KEY": ""}, "SEVERITY_PSEUDONYM_KEY is required"),
        (["status"], {"SEVERITY_PSEUDONYM_KEY": "short"}, "SEVERITY_PSEUDONYM_KEY is shorter"),
    ],
)
def test_wrong_use_gives_one_clear_line_and_exit_code_2(
    program: Program, arguments: Sequence[str], settings: dict[str, str], message: str
) -> None:
    result = program(*arguments, **settings)

    assert result.returncode == 2
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert result.stdout == ""


def test_a_failure_gives_one_clear_line_and_exit_code_1(program: Program, tmp_path: Path) -> None:
    for result, message in [
        (program("run", "--inbox", str(tmp_path / "none")), "is not a folder"),
        (program("run", "--inbox", "ftp://host/x"), "neither a folder nor s3://"),
        (program("status"), "cxr-severity db upgrade"),
        (
            program("status", DATABASE_URL="postgresql://me:hidden@127.0.0.1:1/x"),
            "no connection to PostgreSQL",
        ),
    ]:
        assert result.returncode == 1, result
        assert message in result.stderr
        assert len(result.stderr.splitlines()) == 1, result.stderr
        assert "hidden" not in result.stderr


def test_a_fault_of_the_program_gives_one_line_that_names_the_log(
    program: Program, tmp_path: Path
) -> None:
    """A home that holds what no version made is met by no check."""
    home, inbox = tmp_path / "home", tmp_path / "inbox"
    inbox.mkdir()
    home.mkdir()
    (home / "prefect").write_text("no folder")

    result = program("run", "--inbox", str(inbox))

    assert result.returncode == FAILURE
    assert len(result.stderr.splitlines()) <= 2, "a machine without a GPU says so first"
    last = result.stderr.splitlines()[-1]
    assert "FileExistsError" in last
    assert str(home / "log/cxr-severity.log") in last
    assert "FileExistsError" in (home / "log/cxr-severity.log").read_text()


def test_every_command_has_help_and_the_program_states_its_use() -> None:
    runner = CliRunner()
    assert RESEARCH_USE_ONLY in " ".join(runner.invoke(app, ["--help"]).output.split())
    for name in ("demo", "score", "run", "serve", "trend", "status", "image", "db"):
        result = runner.invoke(app, [name, "--help"])
        assert result.exit_code == 0
        assert len(result.output.splitlines()) > 4


def test_the_help_lists_each_command_in_one_section() -> None:
    assert isinstance(app, SectionedGroup)
    in_sections = [name for names in app.sections.values() for name in names]
    assert sorted(in_sections) == sorted(app.commands)

    shown = CliRunner().invoke(app, ["--help"], terminal_width=100).output
    listed = [
        line.split()[0] for line in shown.splitlines() if line.startswith("  ") and line[2:3] > "-"
    ]
    assert listed[-len(in_sections) :] == in_sections


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


@pytest.mark.parametrize(
    "module",
    [
        "app",
        "courses.trend",
        "upkeep.database",
        "models.catalogue",
        *(f"corrections.{group}" for group in ("images", "patients", "rejected", "sources")),
    ],
)
def test_looking_at_scores_loads_no_torch(module: str) -> None:
    """It takes seconds, which a status or a trend need not wait for."""
    program = f"import flows.cli.{module}, sys; sys.exit('torch' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
