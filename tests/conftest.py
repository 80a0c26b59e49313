"""What every test stands on: a home of its own, and a real PostgreSQL."""

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp
from uuid import uuid4

import pytest
from sqlalchemy import make_url, text

from db.embedded import embedded_url
from db.engine import Database

_DATA = Path(os.environ.get("SEVERITY_TEST_DATA", Path(__file__).parents[2] / "shared/data"))


@pytest.fixture(scope="session", autouse=True)
def _own_home() -> Iterator[None]:
    """Keep tests away from the settings and the state of whoever runs them."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith(("SEVERITY_", "PREFECT_", "AWS_")) or name == "DATABASE_URL":
                patch.delenv(name)
        patch.setenv("SEVERITY_HOME", mkdtemp(prefix="severity-"))
        yield


@pytest.fixture(scope="session")
def server_url() -> str:
    """One PostgreSQL server for the whole session; it stops with it."""
    return embedded_url(Path(mkdtemp(prefix="severity-pg-")) / "postgres")


@pytest.fixture
def database_url(server_url: str) -> str:
    """An empty database. A lock that is never given back fails a test instead of hanging it."""
    name = f"test_{uuid4().hex}"
    server = Database(server_url)
    with server.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        connection.execute(text(f"CREATE DATABASE {name}"))
        connection.execute(text(f"ALTER DATABASE {name} SET lock_timeout = '20s'"))
    server.dispose()
    return make_url(server_url).set(database=name).render_as_string(hide_password=False)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A database with the project's tables."""
    database = Database(database_url)
    database.upgrade()
    yield database
    database.dispose()


@pytest.fixture(scope="session")
def cidc() -> Path:
    """The COVID-19 Image Data Collection; tests that need it are skipped without it."""
    folder = _DATA / "cidc"
    if not folder.is_dir():
        pytest.skip("no ../shared/data and no SEVERITY_TEST_DATA: real films are not available")
    return folder
