"""Nobody sees a patient without a trace."""

from fastapi.routing import APIRoute

from db import lookups
from db.lookups import LookupFilter
from flows.dashboard.app import ROUTERS
from flows.dashboard.security.looks import Look


def test_each_page_about_a_patient_records_who_looks():
    about_patients = [
        route
        for router in ROUTERS
        for route in router.routes
        if isinstance(route, APIRoute) and "{patient_key}" in route.path
    ]

    assert len(about_patients) == 5
    for route in about_patients:
        looks = [each.call for each in route.dependant.dependencies if isinstance(each.call, Look)]
        assert len(looks) == 1, route.path


async def test_a_look_is_recorded_with_the_person_whom_the_proxy_names(asking, dashboard):
    async with asking(user_header="X-Remote-User") as client:
        headers = {"X-Remote-User": "jürgen".encode()}
        seen = await client.get("/patients/p-worse", headers=headers)
        absent = await client.get("/patients/p-nobody", headers=headers)
        refused = await client.get("/patients/p-better")

    assert (seen.status_code, absent.status_code, refused.status_code) == (200, 404, 403)
    listed = dashboard.archive.do(lookups.lookups, LookupFilter(who="jürgen"))
    assert [(lookup.patient_key, lookup.page) for lookup in listed] == [("p-worse", "patient")]
