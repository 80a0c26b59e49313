"""A learned set as it is shipped."""

import json
from dataclasses import replace
from pathlib import Path

from severity.course.parameters import CourseParameters
from severity.models.bundled_cards import bundled_card, bundled_course_parameters
from training.course import write


def test_a_set_is_written_with_its_hash_in_the_models_card(tmp_path: Path) -> None:
    learned = replace(bundled_course_parameters("compact-3"), patients=7)

    write(learned, tmp_path, "compact-3")

    text = (tmp_path / "compact-3.course.json").read_text()
    card = json.loads((tmp_path / "compact-3.json").read_text())
    assert CourseParameters.from_json(text) == learned
    assert card == bundled_card("compact-3") | {"course_sha256": learned.sha256}
