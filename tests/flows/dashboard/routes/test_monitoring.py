"""What machines may ask of the dashboard, by whatever name they know it."""

import httpx
import pytest
from pydantic import SecretStr

from flows.dashboard.app import create_app
from flows.dashboard.security.guard import HEALTH, Guard
from flows.resources import Progress, Resources

TOKEN = "the token of a monitoring system"  # noqa: S105
PASSWORD = "what all who look know"  # noqa: S105
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@pytest.mark.parametrize("path", sorted(HEALTH))
async def test_whoever_reaches_the_port_learns_whether_it_works(asking, path):
    async with asking(password=PASSWORD) as client:
        answer = await client.get(path, headers={"Host": "10.1.2.3:4220"})

    assert answer.status_code == 200
    assert set(answer.json()) == {"status"}


@pytest.mark.parametrize("path", sorted(HEALTH))
async def test_a_balancer_may_ask_for_the_status_alone(asking, path):
    """As HAProxy and Uptime Kuma can be set to."""
    async with asking(password=PASSWORD) as client:
        answer = await client.head(path)

    assert (answer.status_code, answer.content) == (200, b"")


async def test_without_a_database_it_lives_and_is_not_ready(tmp_path, dashboard):
    settings = dashboard.resources.settings.model_copy(
        update={"database_url": SecretStr("postgresql://someone:secret@127.0.0.1:1/x")}
    )
    app = create_app(Resources(settings, Progress()))
    transport = httpx.ASGITransport(Guard(app, app.state.access))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        live, ready = [await client.get(f"/health/{word}") for word in ("live", "ready")]

    assert live.status_code == 200
    assert (ready.status_code, ready.json()["cause"]) == (503, "unreachable")
    assert "someone" not in ready.text + live.text


async def test_metrics_are_for_those_whom_the_dashboard_knows(asking):
    async with asking(password=PASSWORD) as client:
        stranger = await client.get("/metrics")
        known = await client.get("/metrics", auth=("prometheus", PASSWORD))

    assert stranger.status_code == 401
    assert known.status_code == 200
    assert "cxr_severity_up 1.0" in known.text


async def test_a_monitor_with_its_token_reads_metrics_and_nothing_else(asking):
    settings = {"password": PASSWORD, "metrics_token": TOKEN}
    async with asking(**settings) as client:
        metrics = await client.get("/metrics", headers=BEARER | {"Host": "severity:4220"})
        wrong = await client.get("/metrics", headers={"Authorization": "Bearer another"})
        balance = await client.get("/api/v1/balance", headers=BEARER)

    assert metrics.status_code == 200
    assert "cxr_severity_files_seen" in metrics.text
    assert [wrong.status_code, balance.status_code] == [401, 401]


async def test_a_token_opens_metrics_behind_a_proxy_that_names_persons_too(asking):
    async with asking(user_header="X-User", metrics_token=TOKEN) as client:
        assert (await client.get("/metrics", headers=BEARER)).status_code == 200
        assert (await client.get("/metrics")).status_code == 403
