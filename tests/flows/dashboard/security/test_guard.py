"""What a stranger, or a stranger's page in somebody's browser, can ask the dashboard for."""

import logging

import pytest

OURS = {"Origin": "http://127.0.0.1:4220"}


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",  # whose name leads to 127.0.0.1: DNS rebinding
        "127.0.0.1.evil.example:4220",
        "evil.example#@127.0.0.1",
        "user@127.0.0.1:4220",
        "127.0.0.1:4220/../../x",
        "",
    ],
)
async def test_who_asks_by_another_name_sees_nothing(asking, host):
    async with asking() as client:
        answer = await client.get("/", headers={"Host": host})

    assert answer.status_code == 421
    assert "p-worse" not in answer.text


async def test_names_of_the_machine_are_those_of_its_settings(asking):
    async with asking(names="severity.hospital.example") as client:
        for host in ("127.0.0.1:4220", "localhost:9", "[::1]:4220", "Severity.Hospital.Example"):
            assert (await client.get("/", headers={"Host": host})).status_code == 200
        assert (await client.get("/", headers={"Host": "hospital.example"})).status_code == 421


@pytest.mark.parametrize(
    "headers",
    [
        {},  # a browser names the origin of each form
        {"Origin": "null"},
        {"Origin": "https://evil.example"},
        {"Origin": "http://127.0.0.1:3000"},  # another program of this machine
        {"Origin": "http://127.0.0.1:4220.evil.example"},
        {"Origin": "http://["},
        OURS | {"Sec-Fetch-Site": "cross-site"},
        OURS | {"Sec-Fetch-Site": "same-site"},
        OURS | {"Sec-Fetch-Site": "none"},
    ],
)
async def test_a_form_of_another_site_reaches_no_page(asking, headers):
    async with asking() as client:
        for path in ("/sign-out", "/search", "/nothing"):
            answer = await client.post(path, headers=headers, data={"identifier": "1"})
            assert answer.status_code == 403
            assert "Another site" in answer.text


async def test_a_form_of_ours_is_let_through(asking):
    async with asking() as client:
        for headers in (OURS, OURS | {"Sec-Fetch-Site": "same-origin"}):
            answer = await client.post("/nothing", headers=headers, data={"identifier": "1"})
            assert answer.status_code == 404  # the application's own


async def test_a_body_that_is_large_or_endless_is_not_read(asking):
    async def endless():
        yield b"identifier=1"

    async with asking() as client:
        for body in (b"x" * 70_000, endless()):
            assert (await client.post("/search", headers=OURS, content=body)).status_code == 413


@pytest.mark.parametrize(
    "path",
    ["/patients/p-%00", "/?group=a%00", "/cohort?group=%00", "/operations/rejected?reason=%00"],
)
async def test_what_no_text_holds_is_refused_before_it_is_asked_for(asking, path):
    async with asking() as client:
        assert (await client.get(path)).status_code == 400
        form = {"identifier": "a\0", "issuer": ""}
        assert (await client.post("/search", headers=OURS, data=form)).status_code == 400


@pytest.mark.parametrize(
    ("site", "mode", "dest", "status"),
    [
        ("cross-site", "navigate", "document", 200),  # a link in a records system
        ("cross-site", "navigate", "iframe", 403),
        ("cross-site", "no-cors", "image", 403),
        ("same-site", "cors", "empty", 403),  # another program of this machine
        ("same-origin", "cors", "empty", 200),
        ("none", "navigate", "document", 200),
    ],
)
async def test_another_site_leads_here_and_builds_nothing_of_ours_in(
    asking, site, mode, dest, status
):
    headers = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": dest}
    async with asking() as client:
        assert (await client.get("/", headers=headers)).status_code == status


@pytest.mark.parametrize(
    "path", ["/", "/nothing", "/about", "/api/v1/nothing", "/static/dashboard.css"]
)
async def test_each_answer_tells_browsers_what_they_may_do(asking, path):
    async with asking() as client:
        headers = (await client.get(path)).headers

    policy = headers["content-security-policy"].split("; ")
    assert {"default-src 'none'", "script-src 'self'", "style-src 'self'"} <= set(policy)
    assert {"frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"} <= set(policy)
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cache-control"] == (
        "public, max-age=3600" if path.startswith("/static/") else "no-store"
    )
    assert "access-control-allow-origin" not in headers


async def test_a_fault_of_the_program_is_answered_with_the_same_headers(asking):
    async with asking() as client:
        client._transport.app._app.add_route("/fault", lambda _: 1 / 0)  # noqa: SLF001
        answer = await client.get("/fault")

    assert answer.status_code == 500
    assert "division" not in answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


async def test_the_log_names_routes_and_no_patient(asking, caplog):
    with caplog.at_level(logging.INFO):
        async with asking() as client:
            await client.get("/?verdict=worse")
            await client.get("/patients/p-worse?day=Doe%5EJane")
            await client.get("/Doe%5EJane")

    lines = [record.getMessage() for record in caplog.records if "ms" in record.getMessage()]
    assert len(lines) == 3
    assert lines[0].startswith("GET / 200")
    assert not [line for line in lines if "Doe" in line or "p-worse" in line or "?" in line]
