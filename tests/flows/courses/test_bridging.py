"""Bridges of a site, and courses that go on across them."""

import json
from dataclasses import replace

import pytest

from db.corrections import correct_view
from db.courses import bridges as stored_bridges
from db.courses.choices import Baseline, choose_baseline
from db.engine import Database
from db.reading import courses
from flows.courses.bridged import bridged_course
from flows.courses.bridging import learn_bridge, measurement_errors
from flows.courses.update import update_courses
from flows.reports.courses import course_json
from flows.reports.courses.curve import level_curve
from severity.domain import View
from severity.errors import NoBridge
from tests.builders.archive import model
from tests.builders.bridged import CURRENT, FORMER, BridgedArchive, as_current, dated
from tests.severity.course.builders import SET

OLD, NEW = model(FORMER).key, model(CURRENT).key
PATIENT = "p-across"


@pytest.fixture
def archive(database: Database) -> BridgedArchive:
    archive = BridgedArchive(database)
    archive.learnable()
    return archive


def test_a_course_goes_on_across_a_bridge_and_says_so(archive, author):
    archive.across(PATIENT)
    plain = archive.as_reader(courses.course, PATIENT, NEW)
    learn_bridge(archive.database, OLD, NEW)

    course = archive.as_reader(bridged_course, PATIENT, NEW)

    assert [image.scored_by for image in course.images] == [OLD, OLD, "", ""]
    assert [image.is_baseline for image in course.images] == [True, False, False, False]
    first = course.images[0].geographic_extent
    assert first.former == 2.0
    assert first.points == pytest.approx(as_current(2.0), abs=0.1)
    assert course.seam.former_version == OLD
    assert course.seam.geographic_extent.slope == pytest.approx(1.2, abs=0.05)
    assert course.images[3].geographic_extent.verdict is not None
    assert any("BRIDGED" in note for note in json.loads(course_json(course))["notes"])
    assert archive.as_reader(courses.course, PATIENT, NEW) == plain
    assert [image.is_baseline for image in plain.images] == [True, False]
    assert width(course.images[0]) > width(plain.images[0])
    curve = level_curve(course, course.images, "geographic_extent", times=5)
    assert curve[0].band.low == pytest.approx(first.smoothed.low, abs=1e-9)

    chosen = Baseline(course.images[1].image_id)
    archive.do(choose_baseline, author, PATIENT, chosen)
    course = archive.as_reader(bridged_course, PATIENT, NEW)
    assert [image.is_baseline for image in course.images] == [False, True, False, False]


def test_a_film_that_waits_for_a_score_of_its_own_is_there_by_the_bridge(archive):
    archive.scored(*(dated(f"w{day}", day, patient=PATIENT) for day in (0, 1)), by=FORMER)
    learn_bridge(archive.database, OLD, NEW)
    archive.queue(CURRENT)
    archive.score(by=CURRENT, limit=1)
    update_courses(archive.database)

    assert len(archive.as_reader(courses.course, PATIENT, NEW).waiting) == 1
    bridged = archive.as_reader(bridged_course, PATIENT, NEW)
    assert len(bridged.images) == 2
    assert not bridged.waiting


def width(image):
    return image.geographic_extent.level.high - image.geographic_extent.level.low


def test_without_a_bridge_or_with_nothing_to_convert_it_is_the_plain_course(archive):
    archive.across(PATIENT)
    assert archive.as_reader(bridged_course, PATIENT, NEW) == archive.as_reader(
        courses.course, PATIENT, NEW
    )
    learn_bridge(archive.database, OLD, NEW)

    for patient, version in (("p-l0", NEW), (PATIENT, OLD)):
        assert archive.as_reader(bridged_course, patient, version) == archive.as_reader(
            courses.course, patient, version
        )


def test_a_patient_whom_the_current_version_has_not_scored_has_no_course_by_it(archive):
    archive.scored(*(dated(f"w{day}", day, patient=PATIENT) for day in (0, 1)), by=FORMER)
    learn_bridge(archive.database, OLD, NEW)

    assert archive.as_reader(bridged_course, PATIENT, NEW).images == ()


def test_a_bridged_course_is_due_where_that_of_the_former_version_is(archive, author):
    archive.across(PATIENT)
    learn_bridge(archive.database, OLD, NEW)
    first = archive.as_reader(bridged_course, PATIENT, NEW).images[0]
    archive.do(correct_view, author, first.image_id, View.AP)

    assert archive.as_reader(bridged_course, PATIENT, NEW).is_due
    update_courses(archive.database)
    course = archive.as_reader(bridged_course, PATIENT, NEW)
    assert not course.is_due
    assert course.images[0].view is View.AP


def test_a_newer_bridge_that_converts_nothing_hides_no_older_one(archive):
    archive.across(PATIENT)
    while archive.score(by="v0"):
        pass
    archive.forget_former_films(by="v0")
    _, bridge = learn_bridge(archive.database, OLD, NEW)
    stored = [archive.do(stored_bridges.version, key).id for key in (model("v0").key, NEW)]
    archive.do(stored_bridges.store, stored, bridge.to_json(), films=(41, 123), who="me")

    course = archive.as_reader(bridged_course, PATIENT, NEW)

    assert course.seam.former_version == OLD
    assert [image.scored_by for image in course.images] == [OLD, OLD, "", ""]


def test_a_film_beyond_the_bridge_is_shown_and_counted_and_moves_nothing(archive):
    archive.scored(dated("beyond", 2, 7.9, patient=PATIENT), by=FORMER)
    archive.across(PATIENT)
    learn_bridge(archive.database, OLD, NEW)

    course = archive.as_reader(bridged_course, PATIENT, NEW)

    assert course.seam.left_out == 1
    beyond = next(image for image in course.images if image.geographic_extent.former == 7.9)
    assert beyond.geographic_extent.raw is None
    assert beyond.geographic_extent.level.level < 4


@pytest.mark.parametrize("score", ["geographic_extent", "opacity"])
def test_a_curve_goes_through_the_levels_of_films_where_one_score_is_beyond_the_bridge(
    archive, score
):
    within = dated("beyond", 2, 3.0, patient=PATIENT)
    archive.scored(replace(within, opacity=5.9), by=FORMER)
    archive.across(PATIENT)
    learn_bridge(archive.database, OLD, NEW)

    course = archive.as_reader(bridged_course, PATIENT, NEW)

    assert course.seam.left_out == 1
    drawn = {moment.at: moment.band.level for moment in level_curve(course, course.images, score)}
    for image in course.images:
        if image.geographic_extent.raw is not None and image.opacity.raw is not None:
            said = getattr(image, score).smoothed.level
            assert drawn[image.at] == pytest.approx(said, abs=1e-9)


def test_a_bridge_of_too_few_films_is_refused_and_not_kept(database):
    archive = BridgedArchive(database)
    archive.learnable(patients=10)

    with pytest.raises(NoBridge, match="30 films"):
        learn_bridge(database, OLD, NEW)
    with pytest.raises(LookupError):
        learn_bridge(database, OLD, "no-such-version")

    assert archive.rows("SELECT count(*) FROM bridge") == [(0,)]


def test_errors_are_those_of_both_calibrations_or_of_both_parameter_sets(database):
    archive = BridgedArchive(database)
    archive.learnable(patients=1)
    former, current = (archive.do(stored_bridges.version, key) for key in (OLD, NEW))

    extent, opacity = measurement_errors(former, current)

    assert (extent.former, opacity.current) == (SET.geographic_extent.error, SET.opacity.error)
    with pytest.raises(NoBridge):
        measurement_errors(former, stored_bridges.BridgedVersion(1, None, None))
