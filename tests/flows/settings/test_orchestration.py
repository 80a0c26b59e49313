"""The schedules that a site sets for its deployments."""

import pytest

from flows.errors import UsageError
from flows.settings import read_settings


@pytest.mark.parametrize(
    ("schedules", "problem"),
    [
        ("0 2 * * *", "it is not JSON such as"),
        ('["0 2 * * *"]', "it is not a JSON object such as"),
        ('{"score": "0 2 * * *", "score": ""}', "'score' stands in it twice"),
        ('{"scoring": ""}', "there is no deployment 'scoring'"),
        ('{"score": 2}', "score: Input should be a valid string"),
    ],
)
def test_schedules_that_mean_nothing_stop_the_start_in_one_line(
    monkeypatch: pytest.MonkeyPatch, schedules: str, problem: str
) -> None:
    monkeypatch.setenv("SEVERITY_SCHEDULES", schedules)

    with pytest.raises(UsageError, match=f"^SEVERITY_SCHEDULES:? {problem}"):
        read_settings()


def test_schedules_are_read_by_deployment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEVERITY_SCHEDULES", '{"courses": "*/10 * * * *", "rescore": ""}')

    assert read_settings().schedules == {"courses": "*/10 * * * *", "rescore": ""}
