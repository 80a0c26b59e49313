"""Whom the dashboard knows, and how."""

import base64
from time import monotonic

import pytest

from flows.dashboard.security.access import Access
from flows.dashboard.security.attempts import TooManyAttempts
from flows.errors import UsageError
from flows.settings import read_settings
from tests.builders.dashboards import HOME

PASSWORD, OPERATORS = "a password that is long", "another one that is long"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "severity.hospital.example"])  # noqa: S104
def test_other_machines_may_ask_only_where_people_are_known(host):
    with pytest.raises(UsageError, match="SEVERITY_DASHBOARD_PASSWORD"):
        Access.of(read_settings(dashboard_host=host))

    Access.of(read_settings(dashboard_host=host, dashboard_password=PASSWORD))
    Access.of(read_settings(dashboard_host=host, dashboard_user_header="X-Remote-User"))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_this_machine_alone_asks_without_a_password(host):
    assert Access.of(read_settings(dashboard_host=host)).password is None


async def status(asking, headers, address="10.0.0.1", path="/about"):
    settings = {"user_header": "X-Remote-User", "proxies": "10.0.0.1, 10.1.0.0/16"}
    async with asking(address, **settings) as client:
        return (await client.get(path, headers=headers)).status_code


async def test_a_name_counts_only_from_the_proxy(asking):
    named = [("X-Remote-User", "dr.roe")]
    assert await status(asking, named, path="/") == 200
    assert await status(asking, named, "10.1.2.3", path="/") == 200
    for address in ("10.0.0.2", "127.0.0.1", "::1", "testclient"):
        assert await status(asking, named, address, path="/") == 403
    forwarded = [*named, ("X-Forwarded-For", "10.0.0.1"), ("X-Real-IP", "10.0.0.1")]
    assert await status(asking, forwarded, "10.0.0.2", path="/") == 403


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("X-Remote-User", "")],
        [
            ("X-Remote-User", "dr.doe"),
            ("x-remote-user", "dr.roe"),
        ],  # the visitor's, and the proxy's
        [("X_Remote_User", "dr.roe")],
        [("X-Remote-User", "a" * 201)],
        [("X-Remote-User", b"\xff\xfe")],
        [("X-Remote-User", "dr.\tro\x7fe")],
        [("Cookie", "cxr_severity_session=x")],
        [("Authorization", "Basic ZHIucm9lOng=")],
    ],
)
async def test_nobody_is_known_by_a_header_that_names_no_single_person(asking, headers):
    assert await status(asking, headers, path="/") == 403


def basic(password):
    pair = base64.b64encode(f"monitor:{password}".encode()).decode()
    return {"Authorization": f"Basic {pair}"}


def test_who_knows_the_readers_password_guesses_no_other_without_a_wait():
    """The readers' right password between guesses erases none of them."""
    settings = {"dashboard_password": PASSWORD, "dashboard_operator_password": OPERATORS}
    access = Access.of(read_settings(**settings))
    for _ in range(12):
        access.attempts.fail("10.0.0.1", now=monotonic() - 400)  # waited for already
    assert access.signed_in("10.0.0.1", "dr.roe", PASSWORD)
    assert access.signed_in("10.0.0.1", "dr.roe", "a guess") is None

    with pytest.raises(TooManyAttempts):
        access.signed_in("10.0.0.1", "dr.roe", PASSWORD)


@pytest.mark.parametrize(
    ("settings", "right"),
    [({}, PASSWORD), ({"operator_password": OPERATORS}, OPERATORS)],
    ids=["of readers alone", "of operators"],
)
async def test_the_highest_password_is_a_new_beginning(asking, settings, right):
    async with asking(password=PASSWORD, **settings) as client:
        for password in ("no", "no", right, "no", "no", right):
            answer = await client.get("/", headers=basic(password))
    assert answer.status_code == 200


async def test_each_wrong_password_is_logged_with_its_address_alone(asking, caplog):
    async with asking("10.0.0.7", password=PASSWORD) as client:
        await client.get("/api/v1/balance", headers=basic("of a program"))
        form = {"name": "dr.roe", "password": "of a form"}
        await client.post("/sign-in", data=form, headers={"Origin": HOME})

    lines = [line.getMessage() for line in caplog.records if line.levelname == "WARNING"]
    assert lines == ["a wrong password from 10.0.0.7"] * 2


async def test_programs_state_a_password_with_each_request(asking):
    async with asking(password=PASSWORD) as client:
        right = await client.get("/", headers=basic(PASSWORD))
        wrong = [(await client.get("/api/v1/x", headers=basic("no"))).status_code for _ in range(4)]
        bare = await client.get("/", headers=basic(PASSWORD))

    assert right.status_code == 200
    assert "www-authenticate" not in right.headers
    assert wrong == [401, 401, 401, 429]
    assert bare.status_code == 429  # whoever guesses learns nothing, not even of the right one
