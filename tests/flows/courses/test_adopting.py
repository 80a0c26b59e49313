"""Which parameter set courses rest on, and that it is derived once."""

from dataclasses import replace

from pydantic import SecretStr

from db.courses import parameters
from flows.courses.adopting import adopt_parameters
from flows.models.catalogue import describe
from flows.settings import Settings
from severity.course.parameters import CourseParameters
from tests.builders.courses import adopt
from tests.builders.settings import SECRET
from tests.severity.course.builders import SET


def adopted(archive, **choices) -> CourseParameters:
    """Adopt as a run does, with these settings; return what courses rest on then."""
    settings = Settings(pseudonym_key=SecretStr(SECRET), **choices)
    version = archive.queue().model_version_id
    archive.do(adopt_parameters, version, describe(settings.model, settings), settings)
    return CourseParameters.from_json(archive.do(parameters.adopted, version).content)


def test_what_was_learned_here_is_adopted_with_the_sites_choices_and_derived_once(archive):
    assert adopted(archive) == SET

    wider = adopted(archive, margin_points=2.6, episode_days=30)
    assert wider.geographic_extent.margin == 2.6
    assert wider.opacity.margin == 2 * SET.opacity.margin
    # The wider the margin, the fewer false alarms: they are kept by a lower thresholds.
    assert wider.geographic_extent.thresholds.worse < SET.geographic_extent.thresholds.worse
    assert wider.episode_days == 30

    stored = archive.rows("SELECT id, sha256 FROM course_parameters ORDER BY id")
    assert adopted(archive, margin_points=2.6, episode_days=30) == wider
    assert adopted(archive) == SET
    assert archive.rows("SELECT id, sha256 FROM course_parameters ORDER BY id") == stored


def test_a_set_that_is_learned_anew_takes_the_place_of_the_one_before(archive):
    newer = replace(SET, patients=80)
    adopt(archive, newer)
    assert adopted(archive) == newer
