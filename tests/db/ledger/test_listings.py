"""How far listings have come, when two runs list one source at once."""

from datetime import timedelta

import pytest

from db.engine import Database
from db.ledger import listings
from db.ledger.listings import Position
from tests.builders.archive import Archive

ANY_TIME = timedelta(days=1)


@pytest.fixture
def source(database: Database) -> Archive:
    return Archive(database, "s3://films")


def position(source: Archive) -> Position:
    lately = {"resumed_within": ANY_TIME, "whole_within": ANY_TIME}
    known = source.do(listings.position, source.source_id, **lately)
    assert isinstance(known, Position)
    return known


def test_a_listing_that_began_before_a_whole_one_hides_nothing_of_it(source: Archive) -> None:
    whole = source.do(listings.begin_whole, source.source_id)
    source.do(listings.reach, source.source_id, "k", whole)
    source.do(listings.end, source.source_id, whole)
    behind_last_key = position(source).began_at

    whole = source.do(listings.begin_whole, source.source_id)
    source.do(listings.reach, source.source_id, "a", whole)  # and is killed
    source.do(listings.reach, source.source_id, "z", behind_last_key)
    source.do(listings.end, source.source_id, behind_last_key)

    assert position(source) == Position("a", whole, whole_is_under_way=True, whole_is_recent=True)


def test_a_whole_listing_that_is_gone_on_with_comes_to_its_end(source: Archive) -> None:
    source.do(listings.begin_whole, source.source_id)
    gone_on = position(source)
    assert gone_on.whole_is_under_way

    source.do(listings.reach, source.source_id, "z", gone_on.began_at)
    source.do(listings.end, source.source_id, gone_on.began_at)

    assert position(source) == Position("z", whole_is_recent=True)
