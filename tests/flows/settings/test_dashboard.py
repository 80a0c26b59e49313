"""A dashboard that would let the wrong people in does not start."""

import pytest

from flows.errors import UsageError
from flows.settings import read_settings

PASSWORD = "a password that is long"  # noqa: S105


@pytest.mark.parametrize(
    "settings",
    [
        {"PASSWORD": "too short"},
        {"PASSWORD": PASSWORD, "OPERATOR_PASSWORD": PASSWORD},
        {"OPERATOR_PASSWORD": PASSWORD},
        {"PASSWORD": PASSWORD, "USER_HEADER": "X-Remote-User"},
        {"OPERATORS": "dr.roe"},  # anyone may call themselves so
        {"PASSWORD": PASSWORD, "OPERATORS": "dr.roe"},
        {"USER_HEADER": "X Remote User"},
        {"PROXIES": "proxy.example"},
        {"NAMES": "https://severity.example"},
        {"NAMES": "severity.example:8443"},
    ],
)
def test_settings_that_let_the_wrong_people_in_are_refused(settings, monkeypatch):
    for name, value in settings.items():
        monkeypatch.setenv(f"SEVERITY_DASHBOARD_{name}", value)

    with pytest.raises(UsageError) as refused:
        read_settings()
    assert PASSWORD not in str(refused.value)


def test_lists_are_written_with_commas(monkeypatch):
    monkeypatch.setenv("SEVERITY_DASHBOARD_USER_HEADER", "X-Remote-User")
    monkeypatch.setenv("SEVERITY_DASHBOARD_OPERATORS", "dr.roe, jane@hospital.example,")
    monkeypatch.setenv("SEVERITY_DASHBOARD_PROXIES", "10.0.0.0/8,::1")
    monkeypatch.setenv("SEVERITY_DASHBOARD_NAMES", "Severity.Example")

    settings = read_settings()

    assert settings.dashboard_operators == ("dr.roe", "jane@hospital.example")
    assert settings.dashboard_proxies == ("10.0.0.0/8", "::1")
    assert settings.dashboard_names == ("severity.example",)
