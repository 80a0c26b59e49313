"""A search by the hospital's identifier leaves the trace of a look, wherever it leads."""

import httpx
import pytest

from db import lookups
from db.lookups import LookupFilter
from severity.domain import PatientId
from tests.builders.dashboards import HOME, Asking, Dashboard
from tests.builders.stories import MERGED, OF_TWO


async def search(asking: Asking, who: str, identifier: str, issuer: str = "") -> httpx.Response:
    async with asking(user_header="X-Remote-User") as client:
        headers = {"X-Remote-User": who, "Origin": HOME}
        fields = {"identifier": identifier, "issuer": issuer}
        return await client.post("/search", data=fields, headers=headers)


def looks(dashboard: Dashboard, who: str) -> list[tuple[str, str]]:
    listed = dashboard.archive.do(lookups.lookups, LookupFilter(who=who))
    return [(lookup.patient_key, lookup.page) for lookup in listed]


async def test_who_was_searched_is_recorded_before_the_key_is_told(
    dashboard: Dashboard, asking: Asking
) -> None:
    """By the key, a list shows the patient without a further look."""
    key = dashboard.resources.pseudonym(PatientId(dashboard.identifier))

    answer = await search(asking, "dr.searching", dashboard.identifier)

    assert answer.headers["Location"] == f"/patients/{key}"
    assert looks(dashboard, "dr.searching") == [(key, "search")]


@pytest.mark.parametrize("typed", [OF_TWO, MERGED])
async def test_a_search_of_a_merged_patient_is_one_of_each(
    dashboard: Dashboard, asking: Asking, typed: str
) -> None:
    who = f"dr.{typed}"
    answer = await search(asking, who, typed)

    assert answer.headers["Location"] == f"/patients/{OF_TWO}"
    assert sorted(looks(dashboard, who)) == [(MERGED, "search"), (OF_TWO, "search")]


async def test_whoever_is_told_the_keys_of_others_is_recorded_for_each(
    dashboard: Dashboard, asking: Asking
) -> None:
    """The identifier is known without an issuer: its key is shown on the page that says so."""
    key = dashboard.resources.pseudonym(PatientId(dashboard.identifier))

    answer = await search(asking, "dr.issuing", dashboard.identifier, "A hospital")

    assert (answer.status_code, key in answer.text) == (404, True)
    assert looks(dashboard, "dr.issuing") == [(key, "search")]


async def test_a_search_of_nobody_is_no_look(dashboard: Dashboard, asking: Asking) -> None:
    assert (await search(asking, "dr.lost", "nobody 0815")).status_code == 404
    assert looks(dashboard, "dr.lost") == []
