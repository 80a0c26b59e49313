"""The whole examination: what comes first, and that it quotes no secret."""

from dataclasses import replace

from pydantic import SecretStr

from flows.operations.doctor import Level, examine
from flows.resources import Opened


def test_of_a_site_that_is_well_there_is_nothing_to_do(site):
    findings = examine(site).findings

    # The tests' own login is a superuser, which a site is advised against.
    not_well = {finding.check for finding in findings if finding.level is not Level.OK}
    assert not_well <= {"rights", "disk"}
    assert {finding.check for finding in findings} >= {
        *("home", "secret", "disk", "database", "rights", "clock", "size", "balance", "last pass"),
        *("last film", "source inbox", "weights", "device", "time zone", "backup"),
    }


def test_without_a_database_that_comes_first_and_the_rest_is_examined(site):
    url = SecretStr("postgresql://someone:hidden@127.0.0.1:1/x")
    away = site.settings.model_copy(update={"database_url": url, "inbox": "/nowhere"})

    examination = examine(replace(site, settings=away, opened=Opened()))

    assert (examination.level, examination.first.check) == (Level.PROBLEM, "database")
    levels = {finding.check: finding.level for finding in examination.findings}
    assert levels["source inbox"] is Level.PROBLEM
    assert not [f for f in examination.findings if "hidden" in f.text or "someone" in f.text]


def test_of_a_home_folder_that_this_user_cannot_look_into_nothing_else_is_examined(site, tmp_path):
    (tmp_path / "file").write_text("no folder, which root cannot look into either")
    closed = site.settings.model_copy(update={"home": tmp_path / "file"})

    (finding,) = examine(replace(site, settings=closed)).findings

    assert (finding.check, finding.level) == ("home", Level.PROBLEM)


def test_a_secret_that_others_can_read_comes_before_all(site):
    site.settings.pseudonym_file.write_text("s" * 64)
    site.settings.pseudonym_file.chmod(0o644)
    own = site.settings.model_copy(update={"pseudonym_key": None})

    assert examine(replace(site, settings=own)).first.check == "secret"
