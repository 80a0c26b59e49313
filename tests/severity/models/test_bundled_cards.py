import shutil
from dataclasses import replace
from importlib import resources
from pathlib import Path

import pytest

from severity.course.parameters import CourseParameters, Origin
from severity.domain import View
from severity.errors import ModelUnavailable, WrongParameters
from severity.models import bundled_cards
from severity.models.bundled_cards import BUNDLED, bundled_course_parameters


@pytest.mark.parametrize("name", BUNDLED)
def test_a_bundled_model_has_parameters_of_courses_from_public_series(name: str) -> None:
    parameters = bundled_course_parameters(name)

    assert parameters.origin is Origin.SHIPPED
    assert parameters.patients > 200
    for score in (parameters.geographic_extent, parameters.opacity):
        assert 0.5 <= score.thresholds.better <= score.thresholds.worse < 0.95
        assert 0 < score.error < score.margin
        for interval in (score.intervals["error"], score.intervals["reversion"]):
            assert interval.low < interval.high
        assert score.view_shift[View.PA].mean == 0


@pytest.mark.parametrize("name", BUNDLED)
def test_other_parameters_than_the_card_names_are_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A set that was edited by hand would move verdicts under the name of the shipped one."""
    with resources.as_file(resources.files("severity") / "weights") as weights:
        for ending in ("json", "course.json"):
            (tmp_path / "weights").mkdir(exist_ok=True)
            shutil.copy(weights / f"{name}.{ending}", tmp_path / "weights")
    path = tmp_path / "weights" / f"{name}.course.json"
    edited = replace(CourseParameters.from_json(path.read_text()), episode_days=7.0)
    path.write_text(edited.to_json())
    monkeypatch.setattr(bundled_cards.resources, "files", lambda _: tmp_path)

    with pytest.raises(WrongParameters):
        bundled_course_parameters(name)


def test_no_other_model_has_any() -> None:
    with pytest.raises(ModelUnavailable):
        bundled_course_parameters("compact-0")
