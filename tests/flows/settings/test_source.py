"""The sources of a site, as SEVERITY_INBOX and SEVERITY_SOURCES name them."""

import json
import os
from pathlib import Path

import pytest

from flows.cli.options import chosen_settings
from flows.deployments.serving import export_settings
from flows.errors import UsageError
from flows.settings import SourceSettings, read_settings

SOURCES = {
    "ward": "/srv/ward",
    "pacs": {"location": "s3://pacs/in", "arrives_in_order": True, "archive": "s3://pacs/done"},
}


@pytest.fixture
def two_sources(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setenv("SEVERITY_SOURCES", json.dumps(SOURCES))
    return monkeypatch


def test_sources_are_locations_or_options_by_name(two_sources: pytest.MonkeyPatch) -> None:
    two_sources.setenv("SEVERITY_INBOX", "/srv/inbox")
    settings = read_settings()

    assert settings.all_sources == (
        SourceSettings(name="inbox", location="/srv/inbox"),
        SourceSettings(name="ward", location="/srv/ward"),
        SourceSettings(
            name="pacs", location="s3://pacs/in", arrives_in_order=True, archive="s3://pacs/done"
        ),
    )
    assert settings.sources_named("pacs", "ward", "pacs") == settings.all_sources[:0:-1]
    assert settings.source_at("/elsewhere") is None
    with pytest.raises(UsageError, match="inbox, ward, pacs"):
        settings.sources_named("icu")


def test_a_source_is_the_same_by_whichever_spelling_of_its_location(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "films").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "films")
    monkeypatch.chdir(tmp_path)
    spellings = {"ward": "link/", "icu": "s3://pacs/in/", "nowhere": "~no-such-user/films"}
    settings = read_settings(sources=spellings)

    assert [
        source.name
        for location in (f"{tmp_path}/films", f"file://{tmp_path}/films", "s3://pacs/in")
        if (source := settings.source_at(location))
    ] == ["ward", "ward", "icu"]
    assert settings.source_at("s3://pacs") is None


@pytest.mark.usefixtures("two_sources")
def test_an_inbox_on_the_command_line_is_the_only_source() -> None:
    (source,) = chosen_settings(inbox="/elsewhere").all_sources
    assert source == SourceSettings(location="/elsewhere")


def test_passes_of_a_service_have_the_same_sources(two_sources: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):  # what is exported is undone after the test
        two_sources.setenv(name, os.environ[name])
    before = read_settings()

    export_settings(before)
    assert read_settings().all_sources == before.all_sources

    export_settings(chosen_settings(inbox="/elsewhere"))
    assert read_settings().all_sources == (SourceSettings(location="/elsewhere"),)


@pytest.mark.parametrize(
    ("sources", "problem"),
    [
        ("/srv/ward", "not JSON"),
        ('["/srv/ward"]', "not a JSON object"),
        ('{"The Ward": "/srv/ward"}', "The Ward"),
        ('{"ward": {"place": "/srv/ward"}}', "location"),
        ('{"ward": ""}', "location"),
        ('{"ward": "/srv/ward", "ward": "/srv/icu"}', "'ward' stands in it twice"),
        ('{"ward": {"location": "/srv/ward", "location": "/srv/icu"}}', "stands in it twice"),
        ('{"ward": {"location": "/srv/ward", "arrives_in_order": true}}', "object stores"),
        ('{"ward": "/srv/inbox"}', "one location"),
        ('{"inbox": "/srv/ward"}', "SEVERITY_INBOX"),
    ],
)
def test_sources_that_mean_nothing_stop_the_start(
    monkeypatch: pytest.MonkeyPatch, sources: str, problem: str
) -> None:
    monkeypatch.setenv("SEVERITY_INBOX", "/srv/inbox")
    monkeypatch.setenv("SEVERITY_SOURCES", sources)

    with pytest.raises(UsageError, match=f"SEVERITY_SOURCES.*{problem}"):
        read_settings()
