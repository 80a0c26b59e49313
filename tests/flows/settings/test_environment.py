"""What the settings take from the environment, and what they refuse."""

from pathlib import Path

import pytest

from flows.errors import UsageError
from flows.settings import Settings, read_settings

DURATIONS = sorted(
    name for name in Settings.model_fields if name.endswith(("_days", "_hours", "_seconds"))
)
FLOATS = [*(name for name in DURATIONS if not name.endswith("_days")), "margin_points", "pacs_rate"]


@pytest.mark.parametrize("name", DURATIONS)
def test_a_duration_that_dates_cannot_reckon_with_is_refused(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each pass failed where the date of so many days ago was computed."""
    variable = f"SEVERITY_{name.upper()}"
    monkeypatch.setenv(variable, "100000000000")

    with pytest.raises(UsageError, match=variable):
        read_settings()


@pytest.mark.parametrize("name", ["backup_days", "gone_days", "lookup_days", "prefect_days"])
def test_what_is_to_stay_may_stay_a_century(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"SEVERITY_{name.upper()}", "36500")

    assert getattr(read_settings(), name) == 36_500


@pytest.mark.parametrize("number", ["inf", "nan"])
@pytest.mark.parametrize("name", FLOATS)
def test_a_number_that_is_none_is_refused(
    name: str, number: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    variable = f"SEVERITY_{name.upper()}"
    monkeypatch.setenv(variable, number)

    with pytest.raises(UsageError, match=variable):
        read_settings()


@pytest.mark.parametrize("name", ["home", "backup_folder"])
def test_a_folder_below_the_home_of_a_user_is_that_one(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/users/jane")
    monkeypatch.setenv(f"SEVERITY_{name.upper()}", "~/severity")

    assert getattr(read_settings(), name) == Path("/users/jane/severity")


@pytest.mark.parametrize("name", ["home", "backup_folder"])
@pytest.mark.parametrize("folder", ["severity", "./severity", "~no-such-user/severity"])
def test_a_folder_that_depends_on_where_a_process_happens_to_be_is_refused(
    name: str, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service would go on with another database than the command that made it."""
    variable = f"SEVERITY_{name.upper()}"
    monkeypatch.setenv(variable, folder)

    with pytest.raises(UsageError, match=variable):
        read_settings()


def test_a_schedule_of_no_deployment_is_refused_by_its_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever reads the settings says so, as the doctor does, and not `deploy` alone."""
    monkeypatch.setenv("SEVERITY_SCHEDULES", '{"scores": "0 6 * * *"}')

    with pytest.raises(UsageError, match=r"SEVERITY_SCHEDULES.*scores"):
        read_settings()
