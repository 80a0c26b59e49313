"""A receiver that would take films from anyone does not start."""

import pytest

from flows.errors import UsageError
from flows.settings import read_settings


@pytest.mark.parametrize(
    "settings",
    [
        {"HOST": "0.0.0.0"},  # noqa: S104
        {"HOST": "::", "CALLERS": "CR1"},  # anyone may call themselves so
        {"HOST": "receiver.hospital.example"},
        {"ADDRESSES": "pacs.hospital.example"},
        {"CERTIFICATE": __file__},
        {"CLIENT_AUTHORITY": __file__},
        {"CALLERS": "CR1,LONGER THAN 16 SIGNS"},
        {"CALLERS": "RÖNTGEN"},
        {"TITLE": ""},
        {"TITLE": "LONGER THAN 16 SIGNS"},
        {"TITLE": "BACK\\SLASH"},
        {"MOST_MEGABYTES": "0"},
    ],
)
def test_settings_that_let_the_wrong_people_in_are_refused(settings, monkeypatch):
    for name, value in settings.items():
        monkeypatch.setenv(f"SEVERITY_RECEIVER_{name}", value or " ")

    with pytest.raises(UsageError, match="SEVERITY_RECEIVER"):
        read_settings()


@pytest.mark.parametrize(
    "settings",
    [
        {"HOST": "0.0.0.0", "ADDRESSES": "10.0.0.0/8, fd00::/8"},  # noqa: S104
        {"HOST": "::1", "CALLERS": "CR 1,PACS"},
        {
            "HOST": "192.0.2.7",
            "CERTIFICATE": __file__,
            "KEY": __file__,
            "CLIENT_AUTHORITY": __file__,
        },
    ],
)
def test_settings_that_name_whom_the_receiver_answers_are_taken(settings, monkeypatch):
    for name, value in settings.items():
        monkeypatch.setenv(f"SEVERITY_RECEIVER_{name}", value)

    assert read_settings().receiver_host == settings["HOST"]


def test_receipts_must_go_before_the_places_that_tell_what_became_of_their_films(monkeypatch):
    settings = read_settings()
    assert settings.receiver_receipt_days < settings.gone_days

    monkeypatch.setenv("SEVERITY_GONE_DAYS", str(settings.receiver_receipt_days))
    with pytest.raises(UsageError, match="SEVERITY_RECEIVER_RECEIPT_DAYS"):
        read_settings()
