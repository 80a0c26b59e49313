"""Signing in and out, in a real browser, and what a guesser or a guide to another site gets."""

from dataclasses import replace

import pytest
from playwright.async_api import expect
from pydantic import SecretStr

from flows.dashboard import server
from flows.dashboard.security.access import COOKIE
from flows.dashboard.security.sign_in import local_path
from tests.builders.dashboards import keep_screenshots, sideways, violations

PASSWORD, FOR_OPERATORS = "a password that is long", "another one that is long"
OURS = {"Origin": "http://127.0.0.1:4220"}


@pytest.fixture
def protected(dashboard):
    """The address of the dashboard behind a password."""
    settings = dashboard.resources.settings.model_copy(
        update={
            "dashboard_password": SecretStr(PASSWORD),
            "dashboard_operator_password": SecretStr(FOR_OPERATORS),
        }
    )
    with server.serving(replace(dashboard.resources, settings=settings)) as address:
        yield address


async def session_of(page):
    (cookie,) = [kept for kept in await page.context.cookies() if kept["name"] == COOKIE]
    return cookie


async def sign_in(page, password, name="dr.roe"):
    await page.get_by_label("Your name").fill(name)
    await page.get_by_label("Password").fill(password)
    await page.get_by_role("button", name="Sign in").click()


async def test_a_person_signs_in_to_the_page_that_was_wanted_and_out_again(protected, browser_page):
    page = browser_page
    await page.goto(f"{protected}/?verdict=worse")
    await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    await expect(page.get_by_role("navigation")).to_have_count(0)
    await keep_screenshots(page, "sign-in")
    assert await violations(page) == []
    assert await sideways(page) == 0

    await sign_in(page, "a wrong password")
    await expect(page.get_by_role("alert")).to_be_visible()

    await sign_in(page, PASSWORD)
    assert page.url == f"{protected}/?verdict=worse"
    await expect(page.get_by_text("dr.roe")).to_be_visible()
    kept = await session_of(page)
    assert (kept["httpOnly"], kept["sameSite"], kept["secure"]) == (True, "Strict", False)

    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    await page.context.add_cookies([kept])  # which somebody kept
    await page.goto(f"{protected}/")
    await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


async def test_a_session_that_another_planted_is_not_begun(asking):
    async with asking(password=PASSWORD) as client:
        planted = {"Cookie": f"{COOKIE}=planted"}
        form = {"name": "dr.roe", "password": PASSWORD, "next": "/about"}
        answer = await client.post("/sign-in", headers=OURS | planted, data=form)
        own = answer.cookies[COOKIE]
        client.cookies.clear()

        assert answer.status_code == 303
        assert own != "planted"
        assert (await client.get("/", headers=planted)).status_code == 303
        assert (await client.get("/", headers={"Cookie": f"{COOKIE}={own}"})).status_code == 200
        again = await client.post(
            "/sign-in", headers=OURS | {"Cookie": f"{COOKIE}={own}"}, data=form
        )
        client.cookies.clear()
        assert again.cookies[COOKIE] != own
        assert (await client.get("/", headers={"Cookie": f"{COOKIE}={own}"})).status_code == 303


async def test_behind_tls_the_cookie_goes_nowhere_else(asking):
    async with asking(password=PASSWORD, names="severity.example") as client:
        answer = await client.post(
            "/sign-in",
            headers={"Host": "severity.example", "Origin": "https://severity.example"},
            data={"name": "dr.roe", "password": PASSWORD},
        )

    assert "; Secure" in answer.headers["set-cookie"]


async def test_guesses_are_slowed_down_and_their_names_not_logged(asking, caplog):
    async with asking(password=PASSWORD) as client:
        for _ in range(3):
            form = {"name": "typed here by mistake", "password": "no"}
            wrong = await client.post("/sign-in", headers=OURS, data=form)
        form = {"name": "dr.roe", "password": PASSWORD}
        right = await client.post("/sign-in", headers=OURS, data=form)

    assert (wrong.status_code, right.status_code) == (403, 429)
    assert int(right.headers["retry-after"]) >= 1
    assert COOKIE not in right.cookies
    assert "127.0.0.1" in caplog.text
    assert "typed here" not in caplog.text


@pytest.mark.parametrize(
    "path", ["/patients/p-worse", "/api/v1/worklist", "/api", "/operations", "/static/../about"]
)
async def test_without_a_session_nothing_is_shown(asking, path):
    async with asking(password=PASSWORD) as client:
        answer = await client.get(path)

    assert answer.status_code in {303, 401, 404}
    assert "p-" not in answer.text


@pytest.mark.parametrize("path", ["/sign-in", "/sign-out"])
async def test_where_there_is_no_password_nobody_signs_in(asking, path):
    async with asking() as client:
        assert (await client.post(path, headers=OURS)).status_code == 404


@pytest.mark.parametrize("path", ["/", "/patients/p-1?model=v1", "/cohort?group=arm%3Da&x=%20"])
def test_after_signing_in_a_page_of_ours_is_shown(path):
    assert local_path(path) == path


@pytest.mark.parametrize(
    "path",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        " //evil.example",
        "javascript:alert(1)",
        "evil.example",
        "/x\r\nSet-Cookie: a=b",
        "",
    ],
)
def test_signing_in_leads_to_no_other_site(path):
    assert local_path(path) == "/"
