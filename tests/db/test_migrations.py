"""Migrations of a database that holds scores."""

import pytest
from alembic import command
from sqlalchemy import text

from db import engine
from db.engine import Database
from db.reading import balances, trends

# A course of two images, as revision 0002 stores it.
AS_0002 = """
INSERT INTO model_version
    (key, name, weights_sha256, head_sha256, preprocessing, precision, scales)
VALUES ('v1', 'v1', '', '', '', 'fp32',
    '{"geographic_extent": {"lowest": 0, "highest": 8}, "opacity": {"lowest": 0, "highest": 6}}');
INSERT INTO patient (patient_key) VALUES ('p-1');
INSERT INTO study (patient_id, study_uid) VALUES (1, '2.1');
INSERT INTO run (id, model_version_id, software)
VALUES ('00000000-0000-0000-0000-000000000001', 1, 'before');
INSERT INTO image (patient_id, study_id, image_uid, pixel_sha256, view, acquired_at,
    acquired_source, acquired_zone, simulated)
SELECT 1, 1, '1.' || day, 'px' || day, 'PA', timestamptz '2020-03-01' + day * interval '1 day',
    'acquisition_date_and_time', 'UTC', false
FROM generate_series(0, 1) AS day;
INSERT INTO score (image_id, patient_id, model_version_id, run_id, geographic_extent, opacity,
    geographic_extent_raw, opacity_raw, acquired_at, acquired_source)
SELECT id, 1, 1, '00000000-0000-0000-0000-000000000001', id + 1, id, id + 1, id, acquired_at,
    acquired_source
FROM image;
-- A view of the site's own, on ours.
CREATE VIEW last_extent AS SELECT max(geographic_extent) AS extent FROM patient_trend;
"""

FILES = text(
    "SELECT relname, relfilenode FROM pg_class WHERE relname IN ('score', 'model_version')"
)


@pytest.fixture
def at_0002(database_url):
    database = Database(database_url)
    config = engine._alembic()  # noqa: SLF001 - to stop at a revision that is not the newest
    with database.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
    with database.transaction() as session:
        session.execute(text(AS_0002))
    yield database
    database.dispose()


def test_scores_of_an_earlier_revision_keep_their_trend_and_have_no_errors(at_0002):
    at_0002.upgrade()

    with at_0002.transaction() as session:
        trend = trends.trend(session, "p-1", "v1")
        assert balances.balance(session, "v1").out_of_distribution == 0
        assert session.scalar(text("SELECT extent FROM last_extent")) == 3
    first, second = trend.observations
    assert (first.geographic_extent, second.geographic_extent) == (2, 3)
    assert (second.extent_from_baseline, second.extent_from_previous) == (1, 1)
    assert second.days_since_baseline == 1
    assert {
        second.extent_interval,
        second.out_of_distribution,
        second.extent_direction_from_baseline,
        second.extent_direction_from_previous,
        trend.errors,
        trend.extent_smallest_detectable_change,
    } == {None}


def test_no_table_is_rewritten(at_0002):
    """It would shut every worker out for as long as it takes."""
    with at_0002.transaction() as session:
        before = dict(tuple(row) for row in session.execute(FILES))
    at_0002.upgrade()

    with at_0002.transaction() as session:
        assert dict(tuple(row) for row in session.execute(FILES)) == before
