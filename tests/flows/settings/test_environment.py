"""What the settings take from the environment, and what they refuse."""

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
