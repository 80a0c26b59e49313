"""The flow that Prefect runs each night: its state says whether all that a PACS has is here."""

import asyncio

import pytest

from flows.resources import using
from tests.builders.archived_films import Site, archived_film, by_dimse
from tests.builders.ports import reserved_port


@pytest.fixture
def state_of(prefect):
    def state_of(site):
        from flows.pacs.flow import reconcile

        with using(site.resources):
            return asyncio.run(reconcile(return_state=True))

    return state_of


def test_a_night_is_complete_once_all_that_the_pacs_has_is_here(
    state_of, pacs, resources, tmp_path
):
    pacs.store(archived_film("a"))

    state = state_of(Site.of(resources, tmp_path / "inbox", **by_dimse(pacs)))

    assert state.is_completed()
    assert state.message == "films fetched: 1"


def test_a_pacs_that_is_down_is_a_failed_night(state_of, resources, tmp_path):
    with reserved_port() as port:
        address = f"PACS@127.0.0.1:{port}"
        site = Site.of(resources, tmp_path / "inbox", pacs=address, pacs_attempts=1)
        state = state_of(site)

    assert state.is_failed()
    assert "does not answer" in state.message
