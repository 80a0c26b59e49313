"""The reference of views: what the database says of each, all of it and nothing else."""

import pytest

from db.engine import Database
from db.reading.described_views import DescribedView, described_views
from documentation.__main__ import PAGES
from documentation.views import views_page


@pytest.fixture
def views(database: Database) -> list[DescribedView]:
    with database.transaction() as session:
        return described_views(session)


def test_the_page_has_what_the_database_says_of_its_views(views: list[DescribedView]) -> None:
    """If this fails, run ``make reference``."""
    assert (PAGES / "views.md").read_text(encoding="utf-8") == views_page(views)


def test_every_view_that_readers_may_ask_is_described_column_by_column(
    views: list[DescribedView],
) -> None:
    assert {"patient_course", "worklist", "balance"} <= {view.name for view in views}
    for view in views:
        assert view.meaning, view.name
        assert [column.name for column in view.columns if not column.meaning] == [], view.name
