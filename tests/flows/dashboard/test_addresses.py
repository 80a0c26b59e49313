"""Addresses, as pages make them and as somebody types them by hand."""

from http import HTTPStatus

import pytest
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from flows.dashboard.addresses import address
from flows.dashboard.app import ROUTERS
from tests.builders.dashboards import HOME, Asking
from tests.builders.stories import MERGED, OF_TWO

TYPED = ("", "0", "-1", "9" * 30, "1e300", "nan", "[" * 2000, "\N{SNOWMAN}", "%ff", "%00", "path")
IN_QUERY = (
    *("/?after=*", "/?group=*", "/?days=*", "/worklist.csv?model=*", "/api/v1/worklist?limit=*"),
    *("/cohort?treatment=*", "/cohort?group=*", "/patients/p-single?axis=*"),
    *("/operations/rejected?page=*", "/operations/rejected?count=*&done=release"),
)


def test_a_query_may_name_anything() -> None:
    assert address("/", path="x", self="y", model=None) == "/?path=x&self=y"


@pytest.mark.parametrize("query", ["path=x", "self=x&path=y&axis=days"])
async def test_a_merged_patients_page_leads_on_with_any_query(asking: Asking, query: str) -> None:
    async with asking() as client:
        answer = await client.get(f"/patients/{MERGED}?{query}")
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/patients/{OF_TWO}?{query}")


async def test_no_address_that_is_typed_by_hand_is_a_fault_of_the_program(
    asking: Asking,
) -> None:
    """Whatever is typed where a route has a place for a value, and in queries."""
    in_path = {place for router in ROUTERS for route in router.routes for place in _places(route)}
    assert len(in_path) > 5
    settings = {"user_header": "X-Remote-User", "operators": "dr.roe", "films": True}
    async with asking(**settings) as client:
        client.headers["X-Remote-User"] = "dr.roe"
        for place in (*in_path, *IN_QUERY):
            for typed in TYPED:
                answer = await client.get(place.replace("*", typed))
                assert answer.status_code < HTTPStatus.INTERNAL_SERVER_ERROR, (place, typed)


@pytest.mark.parametrize("typed", ["%00", "\0", "%ED%A0%80", "%", "a" * 60_000])
@pytest.mark.parametrize(
    "form", ["/search identifier", "/search issuer", "/operations/rejected/dismiss id=1&why"]
)
async def test_no_form_is_a_fault_of_the_program(asking: Asking, form: str, typed: str) -> None:
    path, field = form.split()
    headers = {"X-Remote-User": "dr.roe", "Origin": HOME}
    async with asking(user_header="X-Remote-User", operators="dr.roe") as client:
        answer = await client.post(path, content=f"{field}={typed}", headers=headers)
    assert answer.status_code < HTTPStatus.INTERNAL_SERVER_ERROR


def _places(route: BaseRoute) -> list[str]:
    """Return the addresses of a route with a star where anything may be typed."""
    if not isinstance(route, APIRoute) or route.methods != {"GET"}:
        return []
    places = {parameter.name: "1" for parameter in route.dependant.path_params}
    return [route.path.format(**places | {name: "*"}) for name in places]
