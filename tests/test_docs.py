"""What the README says is true of the program."""

import re
import shlex
from pathlib import Path

import click
import pytest

from flows.cli.app import app
from flows.cli.lazy_group import ListedCommand
from flows.pacs.pacs import NotGiven
from flows.settings import Settings
from severity.domain import RESEARCH_USE_ONLY, Reason

ROOT = Path(__file__).parents[1]
DOCUMENTS = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
README = (ROOT / "README.md").read_text(encoding="utf-8")
REFERENCE = ROOT / "docs/reference"
SETTINGS = (REFERENCE / "settings.md").read_text(encoding="utf-8")
REASON_CODES = (REFERENCE / "reason-codes.md").read_text(encoding="utf-8")


def test_the_reference_of_settings_has_each_setting_once_and_no_other() -> None:
    listed = [
        name
        for row in re.findall(r"^\| (`.*?) \|", SETTINGS, flags=re.MULTILINE)
        for name in re.findall(r"`([A-Z0-9_]+)`", row)
    ]
    assert sorted(listed) == sorted(map(variable, Settings.model_fields))


def variable(field: str) -> str:
    return "DATABASE_URL" if field == "database_url" else f"SEVERITY_{field.upper()}"


def test_the_reference_of_settings_states_each_default() -> None:
    for name, field in Settings.model_fields.items():
        row = re.search(rf"^\| .*`{variable(name)}`.*$", SETTINGS, flags=re.MULTILINE)
        if isinstance(field.default, str | int | float) and field.default != "":
            assert row
            assert str(field.default).lower() in row[0].split("|")[2].lower(), name


def test_no_document_names_a_setting_that_does_not_exist() -> None:
    known = {*map(variable, Settings.model_fields), "SEVERITY_TEST_DATA"}
    for document in DOCUMENTS:
        if document.name == "CHANGELOG.md":  # which names those of before
            continue
        text = document.read_text(encoding="utf-8")
        assert set(re.findall(r"\bSEVERITY_[A-Z0-9_]+", text)) <= known, document.name


def test_each_document_shows_the_revision_that_an_upgrade_leads_to() -> None:
    newest = max(int(file.name[:4]) for file in ROOT.glob("db/migrations/versions/[0-9]*.py"))
    shown = re.findall(
        r"The database is at revision (\d+)", "".join(map(Path.read_text, DOCUMENTS))
    )
    assert {*map(int, shown)} == {newest}


def test_help_has_no_mark_that_only_a_program_reads() -> None:
    r"""A ``\\b`` of a raw docstring is shown as it is, and its lines are joined."""
    assert "\\b" not in (ROOT / "docs/reference/commands.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted(app.commands))
def test_every_command_is_in_the_readme(name: str) -> None:
    assert re.search(rf"^\| `{name}\b", README, flags=re.MULTILINE)


def test_the_reference_of_reason_codes_has_each_code_once_and_no_other() -> None:
    listed = re.findall(r"^\| `([a-z_]+)` \|", REASON_CODES, flags=re.MULTILINE)
    assert sorted(listed) == sorted({*Reason, *NotGiven})


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_what_a_document_tells_to_type_exists(document: Path) -> None:
    text = re.sub(r"\\\n *", "", document.read_text(encoding="utf-8"))  # lines that go on
    for line in re.findall(r"^ *\$ (?:.*/)?cxr-severity (.*)$", text, re.MULTILINE):
        words = shlex.split(line.partition(" #")[0])
        command = typed_command(words)
        known = {option for parameter in command.params for option in parameter.opts}
        known |= {option for parameter in command.params for option in parameter.secondary_opts}
        options = {word.partition("=")[0] for word in words if word.startswith("--")}
        assert options <= known, line


def typed_command(words: list[str]) -> click.Command:
    """Return the command that a line of a console names first."""
    command: click.Command = app
    for word in words:
        if not isinstance(command, click.Group):
            break
        command = command.commands[word]
    return command.imported() if isinstance(command, ListedCommand) else command


def test_every_surface_says_what_it_is_for() -> None:
    assert "Research use only. Not for diagnosis" in RESEARCH_USE_ONLY
    for surface in (
        "README.md",
        "docs/model-card.md",
        "docs/operations.md",
        "docs/docker.md",
        "deploy/grafana/dashboards/patient-trend.json",
        "pyproject.toml",
    ):
        assert "not for diagnosis" in (ROOT / surface).read_text(encoding="utf-8").lower(), surface


def test_links_between_documents_lead_somewhere() -> None:
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
            assert (document.parent / target).exists(), f"{document.name}: {target}"
