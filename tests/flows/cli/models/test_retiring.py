"""The command that ends the scoring by a model version."""

from tests.builders.archive import Archive, Film, model
from tests.builders.commands import Command

WAITING = """
    SELECT key, count(*) FROM work JOIN model_version ON model_version.id = model_version_id
    GROUP BY key ORDER BY key
"""
SCORES = "SELECT count(*) FROM score"


def test_nothing_waits_for_a_retired_version_any_more_and_its_scores_stay(
    correct: Command, archive: Archive
) -> None:
    former, current = model("v1").key, model("v2").key
    archive.add(Film("a"))
    archive.queue("v2")
    archive.enlist(Film("b"), by="v2")
    assert archive.rows(WAITING) == [(former, 1), (current, 2)]

    done = correct("model", "retire", former)
    archive.enlist(Film("c"), by="v2")

    assert done.code == 0
    assert "1 source; 1 images no longer wait" in done.out
    assert archive.rows(WAITING) == [(current, 3)]
    assert archive.rows(SCORES) == [(1,)]


def test_a_retired_version_goes_on_where_it_was_when_it_is_wanted_again(
    correct: Command, archive: Archive
) -> None:
    archive.add(Film("a"))
    correct("model", "retire", model("v1").key)
    archive.enlist(Film("b"), by="v2")

    archive.queue("v1")

    assert archive.rows(WAITING) == [(model("v1").key, 1), (model("v2").key, 2)]


def test_a_version_that_no_source_wants_is_wrong_use(correct: Command, archive: Archive) -> None:
    archive.add(Film("a"))

    for version in ("v1", "no-such-version"):
        result = correct("model", "retire", version)
        assert result.code == 2
        assert len(result.err.splitlines()) == 1
