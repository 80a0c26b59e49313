"""What the doctor finds in a database."""

import os
from dataclasses import replace

from pydantic import SecretStr
from sqlalchemy import text

from flows.operations.doctor import Level
from flows.operations.doctor.site import database
from flows.resources import Opened


def levels(resources):
    return {finding.check: finding.level for finding in database(resources)}


def write(resources, statement):
    with resources.open_database().transaction() as session:
        session.execute(text(statement))


def test_the_longer_no_film_arrives_the_worse_it_is(site):
    seen = []
    for _ in range(4):
        seen.append(levels(site)["last film"])
        write(site, "UPDATE hour_count SET hour = hour - interval '5 days'")

    assert seen == [Level.OK, Level.NOTICE, Level.NOTICE, Level.PROBLEM]


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


def test_each_source_is_told_apart_by_its_name(site):
    checks = ("last pass", "last film")
    told = [finding.text for finding in database(site) if finding.check in checks]

    assert ["source inbox" in text for text in told] == [True, True]


def test_a_site_whose_only_patients_were_forgotten_is_no_fault(site):
    write(site, "UPDATE tally SET n = 0")
    own = site.settings.model_copy(update={"database_url": None})

    assert levels(replace(site, settings=own))["size"] is Level.OK


def test_a_source_that_is_set_no_more_is_not_waited_for(site, tmp_path):
    write(site, "UPDATE run SET ended_at = ended_at - interval '3 days'")
    (tmp_path / "ward").mkdir()
    ward = site.settings.model_copy(update={"inbox": str(tmp_path / "ward")})

    findings = database(replace(site, settings=ward))
    (never,) = (finding for finding in findings if finding.check == "last pass")
    assert never.level is Level.PROBLEM  # the ward was never passed over
    assert "over the source inbox" in never.text


def test_a_score_that_was_deleted_breaks_the_balance(site):
    write(site, "UPDATE tally SET n = n - 1 WHERE what = 'scored'")

    assert levels(site)["balance"] is Level.PROBLEM


def test_a_login_that_may_only_read_is_told_so(site, database_url):
    role = f"looks_{os.getpid()}"
    write(site, f"CREATE ROLE {role} LOGIN IN ROLE severity_reader")
    url = SecretStr(database_url.replace("postgres:", f"{role}:", 1))
    looking = replace(
        site, settings=site.settings.model_copy(update={"database_url": url}), opened=Opened()
    )
    try:
        assert levels(looking)["rights"] is Level.NOTICE
    finally:
        looking.opened.database.dispose()
        write(site, f"DROP ROLE {role}")
