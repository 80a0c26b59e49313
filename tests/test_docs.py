"""What the README says is true of the program."""

import re
from pathlib import Path

import pytest

from flows.cli.app import app
from flows.settings import Settings
from severity.domain import RESEARCH_USE_ONLY, Reason

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_every_setting_is_in_the_readme(name: str) -> None:
    variable = "DATABASE_URL" if name == "database_url" else f"SEVERITY_{name.upper()}"
    assert f"`{variable}`" in README


def test_the_readme_names_no_setting_that_does_not_exist() -> None:
    known = {f"SEVERITY_{name.upper()}" for name in Settings.model_fields}
    assert set(re.findall(r"\bSEVERITY_[A-Z0-9_]+", README)) <= known | {"SEVERITY_TEST_DATA"}


@pytest.mark.parametrize("name", sorted(app.commands))
def test_every_command_is_in_the_readme(name: str) -> None:
    assert re.search(rf"^\| `{name}\b", README, flags=re.MULTILINE)


@pytest.mark.parametrize("reason", sorted(Reason))
def test_every_reason_code_is_in_the_readme(reason: Reason) -> None:
    assert f"`{reason}`" in README


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
    for document in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]:
        text = document.read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
            assert (document.parent / target).exists(), f"{document.name}: {target}"
