import pytest

from db import registration
from db.reading import model_versions
from tests.builders.scores import version


def test_other_versions_are_those_that_scored_anything(database, course):
    course({"day": 0})
    with database.transaction() as session:
        registration.register_model(session, version("idle"))

        assert model_versions.with_scores(session, excluding=version("idle").key) == [version().key]
        assert model_versions.with_scores(session, excluding=version().key) == []


def test_the_scale_of_extent_is_the_model_versions_own(database):
    with database.transaction() as session:
        registration.register_model(session, version())

        scales = model_versions.scales(session, version().key)
        assert scales["geographic_extent"] == version().geographic_extent
        with pytest.raises(LookupError):
            model_versions.scales(session, "v9")
