"""The service on the test's database."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.resources import Resources
from tests.builders.ports import free_ports
from tests.builders.services import Service
from tests.builders.settings import SECRET


@pytest.fixture
def service(resources: Resources, tmp_path: Path) -> Iterator[Service]:
    """A service that is not started yet; nothing of it outlives the test."""
    assert resources.settings.database_url is not None
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
