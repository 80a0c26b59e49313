"""What is done thousands of times a night reads few rows, even of a source that is new and large.

The planner knows a source only once its tables are analysed. Until then it takes it for empty, and
a statement that lets it choose reads all places of the source each time.
"""

from uuid import UUID

import pytest
from sqlalchemy import text

from db.ledger import claiming, sightings, sources
from db.ledger.places import Place
from tests.builders.ledger import Steps
from tests.builders.rows_read import rows_read

PLACES = 600

ADD_PLACES = text(
    """
    WITH contents AS (
        INSERT INTO object (source_id, content_sha256, record_sha256)
        SELECT :source, sha256(CAST(:source || 'content' || n AS bytea)), ''
        FROM generate_series(1, :places) AS n RETURNING id
    ), places AS (
        INSERT INTO sighting (source_id, key_digest, fingerprint, object_key, object_id)
        SELECT :source, CAST(md5(CAST(id AS text)) AS uuid), CAST(md5('') AS uuid), id, id
        FROM contents
    )
    INSERT INTO work (object_id, source_id, counts_in_id, model_version_id)
    SELECT id, :source, :source, :model FROM contents
    """
)


@pytest.fixture
def unknown(steps: Steps) -> Steps:
    """A source with many places that were entered after the tables were analysed."""
    with steps.database.transaction() as session:
        other = sources.register(session, "/other", zone="UTC").id
        for source in (other, steps.queue.source_id):
            values = {
                "source": source,
                "model": steps.queue.model_version_id,
                "places": PLACES,
            }
            session.execute(ADD_PLACES, values)
            if source == other:
                session.execute(text("ANALYZE"))
    return steps


def test_a_claim_reads_what_it_claims(unknown: Steps, running):
    with running() as run, unknown.database.transaction() as session:
        claims = claiming.claim(session, unknown.queue, run.run_id, limit=16)
        assert len(claims) == 16
        assert rows_read(session, "sighting") <= 2 * len(claims)
        assert rows_read(session, "work") <= 4 * len(claims)


def test_a_listing_looks_up_the_places_that_it_shows(unknown: Steps):
    listed = [Place(f"{number}.dcm", UUID(int=1)) for number in range(16)]
    with unknown.database.transaction() as session:
        sightings.unchanged(session, unknown.queue.source_id, listed)
        assert rows_read(session, "sighting") <= len(listed)
