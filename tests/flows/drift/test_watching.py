"""The charts after a pass, on a real database whose nights are those of a simulated site."""

from datetime import timedelta

import numpy as np
import pytest
from sqlalchemy import text

from db.drift import nightly_sums, reports
from db.engine import Database
from flows.drift.watching import watch
from severity.drift import Cause
from severity.drift.simulation import Change, Site
from tests.builders.nights import write_nights
from tests.builders.scores import version

KEY = version().key
CLAHE = Change(points=-0.51, distance=0.285, device=1)


@pytest.fixture
def changed(database: Database) -> Database:
    """A site whose first device changes on night 40."""
    site = Site(60, 3, nights=43)
    write_nights(database, site.sums(np.random.default_rng(1), CLAHE))
    return database


def stored(database: Database) -> object:
    with database.transaction() as session:
        return [report.finding for report in reports(session)]


def test_a_change_is_named_with_its_device_and_stored(changed):
    drift = watch(changed, KEY)

    assert drift.finding.cause is Cause.MACHINE
    assert drift.finding.devices == (1,)
    (finding,) = stored(changed)
    assert finding["cause"] == "machine"
    assert finding["devices"] == ["ACME X-1 s-1"]
    assert "distance" in finding["measures"]


def test_charts_are_drawn_once_a_night(changed):
    assert watch(changed, KEY) is not None
    assert watch(changed, KEY) is None
    assert watch(changed, KEY, drawn_each=timedelta(0)) is not None


def test_a_site_that_is_in_control_again_is_no_longer_reported(changed):
    watch(changed, KEY)
    with changed.transaction() as session:
        session.execute(text("DELETE FROM drift_night WHERE day >= '2026-02-13'"))
    watch(changed, KEY, drawn_each=timedelta(0))

    assert stored(changed) == [None]


def test_what_is_due_is_counted_also_when_the_charts_are_recent(steps_of, changed):
    watch(changed, KEY)
    steps_of(changed)
    with changed.transaction() as session:
        before = len(nightly_sums(session, KEY))
    watch(changed, KEY)
    with changed.transaction() as session:
        assert session.scalar(text("SELECT count(*) FROM drift_due")) == 0
        assert len(nightly_sums(session, KEY)) > before


@pytest.fixture
def steps_of():
    """Let a film be due, as a closing leaves it."""

    def add(database: Database) -> None:
        with database.transaction() as session:
            session.execute(
                text(
                    """
                    INSERT INTO drift_due
                        (image_id, model_version_id, device_id, day, view, sign, geographic_extent)
                    SELECT 1, id, 0, '2026-01-05', 'PA', 1, 3 FROM model_version
                    """
                )
            )

    return add
