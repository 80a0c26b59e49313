"""The names of passes on Prefect's page."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from flows.scoring.naming import artifact_key, label_among, pass_name, source_label
from flows.settings import SourceSettings


@pytest.mark.parametrize(
    ("location", "label"),
    [
        ("/data/inbox", "inbox"),
        ("/data/inbox/", "inbox"),
        ("s3://bucket/prefix/", "prefix"),
        ("s3://bucket", "bucket"),
        ("s3://key:secret@bucket", "bucket"),
        ("/", "inbox"),
    ],
)
def test_a_source_is_called_by_the_last_part_of_its_location(location: str, label: str) -> None:
    assert source_label(location) == label


def test_a_pass_is_named_by_its_source_and_when_it_was_due_where_it_runs() -> None:
    due = datetime(2026, 11, 26, 1, 0, tzinfo=UTC)

    assert pass_name("inbox", due, ZoneInfo("Europe/Berlin")) == "inbox 2026-11-26 02:00"


@pytest.mark.parametrize(("label", "key"), [("Klinik_A", "pass-klinik-a"), ("病院", "pass")])
def test_an_artifact_has_a_key_that_prefect_takes(label: str, key: str) -> None:
    assert artifact_key(label) == key


def test_sources_whose_folders_are_called_alike_are_told_apart() -> None:
    icu, ward = (SourceSettings(name=name, location=f"/{name}/in") for name in ("icu", "ward"))

    assert label_among(icu, [icu]) == "in"
    assert [label_among(source, [icu, ward]) for source in (icu, ward)] == ["icu", "ward"]
