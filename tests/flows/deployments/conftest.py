"""The service on the test's database, and Prefect's server of the session."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from flows.resources import Resources
from tests.builders.ports import free_ports
from tests.builders.prefect_database import lay_out
from tests.builders.services import Service
from tests.builders.settings import SECRET


@pytest.fixture
def service(resources: Resources, tmp_path: Path, prefect_database: Path) -> Iterator[Service]:
    """A service that is not started yet; nothing of it outlives the test."""
    assert resources.settings.database_url is not None
    lay_out(prefect_database, tmp_path / "home")
    service = Service(
        tmp_path / "inbox",
        tmp_path / "home",
        free_ports(1)[0],
        {
            "DATABASE_URL": resources.settings.database_url.get_secret_value(),
            "SEVERITY_PSEUDONYM_KEY": SECRET,
        },
    )
    yield service
    service.kill_all()


@pytest.fixture
async def client(prefect: None) -> AsyncIterator[Any]:
    """A client of Prefect's server; other tests of the session find none of our deployments."""
    from prefect import get_client

    async with get_client() as client:
        yield client
        for deployment in await client.read_deployments():
            await client.delete_deployment(deployment.id)
        for automation in await client.read_automations():
            await client.delete_automation(automation.id)
