"""The command `deploy`; what it registers is in tests/flows/deployments."""

import pytest
import yaml

from tests.builders.commands import Command


def test_without_a_server_it_says_which_setting_names_one(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)

    result = command("deploy")

    assert result.code == 2
    assert "PREFECT_API_URL" in result.err


def test_it_prints_the_deployments_of_a_site_for_prefects_own_command(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEVERITY_CRON", "0 1 * * *")
    monkeypatch.setenv("SEVERITY_TIMEZONE", "Europe/Berlin")

    result = command("deploy", "--yaml", "--workers", "4")

    score = {entry["name"]: entry for entry in yaml.safe_load(result.out)["deployments"]}["score"]
    assert score["schedules"] == [{"cron": "0 1 * * *", "timezone": "Europe/Berlin"}]
    assert score["concurrency_limit"]["limit"] == 4
