"""Metrics: Prometheus reads them, they are the balance, and they name nobody."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from db import stage_times
from db.stage_times import StageTime
from flows.operations.metrics import CachedMetrics, metrics_text, read_snapshot, write_textfile
from severity.domain import Reason
from tests.builders.archive import Archive, Film


@pytest.fixture
def archive(resources):
    archive = Archive(resources.open_database())
    archive.add(
        Film("a", patient="p-secret"),
        Film("b", patient="p-secret", uid="1.2.3"),
        Film("c", rejected=Reason.LATERAL),
    )
    archive.enlist(Film("d"))
    return archive


def samples(content):
    """The value of each metric, by its name and labels but for the model version."""
    families = text_string_to_metric_families(content.decode())
    return {
        (sample.name.removeprefix("cxr_severity_"), *other_labels(sample.labels)): sample.value
        for family in families
        for sample in family.samples
    }


def other_labels(labels):
    return [value for name, value in labels.items() if name not in {"model_version", "source"}]


def test_they_are_the_balance_of_the_site(archive, resources):
    site = read_snapshot(resources)
    values = samples(metrics_text(site, resources.settings))

    assert values["files_seen",] == 4
    assert values["files_accepted",] == 2
    assert values["files_rejected", "lateral"] == 1
    assert values["files_unread",] == 1
    assert values["images_scored",] == 2
    assert values["balance_holds",] == 1
    assert values["runs_failed_since_success",] == 0
    assert values["last_success_timestamp_seconds",] == site.runs[0].last_success_at.timestamp()
    assert values["oldest_pending_seconds",] > 0
    assert values["up",] == 1


def test_a_source_that_is_set_no_more_is_not_waited_for(archive, resources, tmp_path):
    """Its last success stays as old as it is, and a critical alert would never end."""
    (tmp_path / "link").symlink_to(tmp_path)
    other = Archive(resources.open_database(), str(tmp_path))
    other.add(Film("e"))
    site = read_snapshot(resources)

    def sources(**settings):
        chosen = resources.settings.model_copy(update=settings)
        families = text_string_to_metric_families(metrics_text(site, chosen).decode())
        return {
            family.name.removeprefix("cxr_severity_"): {
                sample.labels.get("source") for sample in family.samples
            }
            for family in families
        }

    every = {row.source for row in site.runs}
    timed = ("last_success_timestamp_seconds", "runs_failed_since_success")
    assert len(every) == 2
    assert [sources()[name] for name in timed] == [every, every]
    by_link = sources(inbox=str(tmp_path / "link"))
    assert [by_link[name] for name in timed] == [{str(tmp_path)}, {str(tmp_path)}]
    assert "last_received_timestamp_seconds" in by_link
    assert by_link["oldest_pending_seconds"] == set()
    assert by_link["files_seen"] == every  # what was ever seen is lost for no source
    unknown = sources(inbox="~nobody-of-this-name/films")
    assert [unknown[name] for name in timed] == [every, every]


def test_times_by_stage_are_counters(archive, resources):
    archive.do(stage_times.add, archive.queue(), {"network": StageTime(2, 0.125)})

    values = samples(metrics_text(read_snapshot(resources), resources.settings))

    assert values["stage_seconds_total", "network"] == 0.125
    assert values["stage_images_total", "network"] == 2


def test_they_hold_no_patient_no_image_and_no_name_of_a_file(archive, resources):
    content = metrics_text(read_snapshot(resources), resources.settings).decode()

    assert not [word for word in ("p-secret", "1.2.3", ".dcm") if word in content]


def test_without_a_database_they_say_that_it_is_away(resources):
    away = resources.settings.model_copy(
        update={"database_url": type(resources.settings.database_url)("postgresql://127.0.0.1:1/x")}
    )

    values = samples(CachedMetrics(type(resources)(away, resources.progress)).text())

    assert values["up",] == 0
    assert ("files_seen",) not in values


def test_they_are_not_read_again_for_each_who_asks(archive, resources):
    cached = CachedMetrics(resources)
    first = cached.text()
    archive.add(Film("e"))

    assert cached.text() == first
    assert CachedMetrics(resources).text() != first


def test_the_age_of_the_last_backup_is_there_where_backups_have_a_folder(resources, tmp_path):
    settings = resources.settings.model_copy(update={"backup_folder": tmp_path})
    (tmp_path / "severity-2026-01-01T050000Z.dump").write_text("")

    values = samples(metrics_text(None, settings))

    latest = (tmp_path / "severity-2026-01-01T050000Z.dump").stat().st_mtime
    assert values["last_backup_timestamp_seconds",] == pytest.approx(latest)


def test_a_textfile_is_replaced_whole_and_others_may_read_it(tmp_path):
    file = tmp_path / "severity.prom"
    for content in (b"first", b"second"):
        write_textfile(content, file)

    assert file.read_bytes() == b"second"
    assert file.stat().st_mode & 0o777 == 0o644
    assert list(tmp_path.iterdir()) == [file]
