"""The dashboard of the session under other settings, asked without a browser."""

from collections.abc import Callable
from dataclasses import replace

import httpx
import pytest

from flows.dashboard.app import create_app
from flows.dashboard.security.guard import Guard
from tests.builders.dashboards import Dashboard

Asking = Callable[..., httpx.AsyncClient]
HOME = "http://127.0.0.1:4220"


@pytest.fixture
def asking(dashboard: Dashboard) -> Asking:
    """Return a client of the dashboard under these settings, at an address of its own."""

    def asking(address: str = "127.0.0.1", **settings: object) -> httpx.AsyncClient:
        given = {f"dashboard_{name}": value for name, value in settings.items()}
        own = type(dashboard.resources.settings).model_validate(
            dashboard.resources.settings.model_dump() | given
        )
        app = create_app(replace(dashboard.resources, settings=own))
        transport = httpx.ASGITransport(
            Guard(app, app.state.access), raise_app_exceptions=False, client=(address, 50_000)
        )
        return httpx.AsyncClient(transport=transport, base_url=HOME)

    return asking
