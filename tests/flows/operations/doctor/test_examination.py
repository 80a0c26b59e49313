"""The doctor on sites that lack something: it finds that, and names it before all else."""

import os
from dataclasses import replace

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from flows.operations.doctor import Level, examine
from tests.builders.archive import Archive, Film


@pytest.fixture
def site(resources, tmp_path):
    """A site where all is well."""
    inbox, backups = tmp_path / "inbox", tmp_path / "backups"
    for folder in (inbox, backups, resources.settings.home):
        folder.mkdir()
    (inbox / "a.dcm").write_text("a film")
    (backups / "severity-2026-01-01T050000Z.dump").write_text("")
    Archive(resources.open_database(), str(inbox)).add(Film("a"))
    return with_settings(resources, inbox=str(inbox), backup_folder=backups, timezone="UTC")


def with_settings(resources, **settings):
    known = resources.settings.model_dump(exclude_unset=True)
    changed = type(resources.settings)(**known | settings)
    return type(resources)(changed, resources.progress)


def levels(resources):
    return {finding.check: finding.level for finding in examine(resources).findings}


def write(resources, statement):
    with resources.open_database().transaction() as session:
        session.execute(text(statement))


def test_of_a_site_that_is_well_there_is_nothing_to_do(site):
    examination = examine(site)

    # The tests' own login is a superuser, which a site is advised against.
    seen_to = {finding.check for finding in examination.findings if finding.level is not Level.OK}
    assert seen_to <= {"rights", "disk"}
    assert {
        "database",
        "clock",
        "balance",
        "last pass",
        "last film",
        "source inbox",
        "weights",
        "device",
        "time zone",
        "backup",
        "size",
        "secret",
    } <= {finding.check for finding in examination.findings}


def test_without_a_database_that_comes_first_and_the_rest_is_examined(site):
    away = with_settings(
        site, database_url=SecretStr("postgresql://someone:hidden@127.0.0.1:1/x"), inbox="/nowhere"
    )

    examination = examine(away)

    assert examination.first.check == "database"
    assert levels(away)["source inbox"] is Level.PROBLEM
    assert not [f for f in examination.findings if "hidden" in f.text or "someone" in f.text]


def test_a_source_that_is_gone_is_a_problem_and_an_empty_one_a_notice(site, tmp_path):
    (tmp_path / "empty").mkdir()

    assert levels(with_settings(site, inbox=str(tmp_path / "gone")))["source inbox"] == "problem"
    assert levels(with_settings(site, inbox=str(tmp_path / "empty")))["source inbox"] == "notice"


@pytest.mark.parametrize(("days", "level"), [(1, "ok"), (4, "notice"), (20, "problem")])
def test_the_longer_no_film_arrives_the_worse_it_is(site, days, level):
    write(site, f"UPDATE hour_count SET hour = hour - interval '{days} days'")  # noqa: S608

    assert levels(site)["last film"] == level


def test_a_pass_that_is_overdue_or_fails_is_found(site):
    write(site, "UPDATE run SET ended_at = ended_at - interval '3 days'")
    overdue = levels(site)["last pass"]
    write(site, "UPDATE run SET ended_at = now()")
    write(
        site,
        "INSERT INTO run (source_id, model_version_id, software, state, ended_at) "
        "SELECT source_id, model_version_id, software, 'failed', now() FROM run LIMIT 1",
    )

    assert [overdue, levels(site)["last pass"]] == [Level.PROBLEM, Level.NOTICE]


def test_a_source_that_is_set_no_more_is_not_waited_for(site, tmp_path):
    write(site, "UPDATE run SET ended_at = ended_at - interval '3 days'")
    (tmp_path / "ward").mkdir()

    others = examine(with_settings(site, inbox=str(tmp_path / "ward"))).findings
    assert [finding.level for finding in others if finding.check == "last pass"] == [Level.NOTICE]


def test_a_score_that_was_deleted_breaks_the_balance(site):
    write(site, "UPDATE tally SET n = n - 1 WHERE what = 'scored'")

    examination = examine(site)
    assert (examination.level, examination.first.check) == (Level.PROBLEM, "balance")


def test_backups_that_are_old_or_nowhere_are_found(site, tmp_path):
    (backup,) = (tmp_path / "backups").iterdir()
    os.utime(backup, (0, 0))
    old = levels(site)["backup"]
    backup.unlink()

    assert [old, levels(site)["backup"]] == [Level.PROBLEM, Level.PROBLEM]
    assert levels(with_settings(site, backup_folder=None))["backup"] is Level.NOTICE


def test_a_login_that_may_only_read_is_told_so(site, database_url):
    write(site, f"CREATE ROLE looks_{os.getpid()} LOGIN IN ROLE severity_reader")
    url = database_url.replace("postgres:", f"looks_{os.getpid()}:", 1)
    looking = with_settings(site, database_url=SecretStr(url))
    try:
        assert levels(looking)["rights"] is Level.NOTICE
    finally:
        looking.opened.database.dispose()
        write(site, f"DROP ROLE looks_{os.getpid()}")


def test_a_secret_that_others_can_read_comes_before_all(site):
    file = site.settings.pseudonym_file
    file.write_text("s" * 64)
    file.chmod(0o644)
    embedded = replace(site, settings=site.settings.model_copy(update={"pseudonym_key": None}))

    assert examine(embedded).first.check == "secret"


def test_weights_of_another_hash_and_a_gpu_that_is_not_there_are_problems(site, tmp_path):
    (tmp_path / "weights.pt").write_text("no weights")
    wrong = with_settings(site, model="txrv-cidc-v1", weights_file=tmp_path / "weights.pt")

    assert levels(wrong)["weights"] is Level.PROBLEM
    assert levels(with_settings(site, device="cuda:7"))["device"] is Level.PROBLEM


def test_a_zone_that_nobody_chose_is_a_notice_where_the_machine_has_another(site, monkeypatch):
    known = site.settings.model_dump(exclude_unset=True)
    del known["timezone"]
    unchosen = type(site)(type(site.settings)(**known), site.progress)
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    import time

    time.tzset()
    try:
        assert levels(unchosen)["time zone"] is Level.NOTICE
        assert levels(site)["time zone"] is Level.OK
    finally:
        monkeypatch.undo()
        time.tzset()
