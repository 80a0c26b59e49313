"""What every test stands on: a home of its own, and a real PostgreSQL."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy import make_url

from db.engine import Database
from flows.orchestration.environment import configure_prefect
from tests.builders.postgres import new_database, running_postgres
from tests.builders.prefect_database import migrated_file

# Threads that wait for each other in a loop take the core from the other process's tests. Set
# before torch is first imported, which reads it.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# A shell lets programs in the background ignore Ctrl-C, and nohup the end of the terminal; the
# programs that tests start would inherit that.
for _number, _handler in (
    (signal.SIGINT, signal.default_int_handler),
    (signal.SIGHUP, signal.SIG_DFL),
):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, _handler)

# What a machine under load is slow at is no fault.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

pytest_plugins = ["tests.builders.processes"]

_DATA = Path(os.environ.get("SEVERITY_TEST_DATA", Path(__file__).parents[2] / "shared/data"))
_SERVERS = {"server_url", "deployed_url", "s3_server", "cloud_store", "az", "prefect", "pacs"}
_WEIGHTS = {"random_weights"}
_WAITING = "service"
_FOREIGN = ("SEVERITY_", "PREFECT_", "AWS_", "GOOGLE_", "AZURE_")


@pytest.hookimpl(tryfirst=True)  # before tests are chosen by their marks
def pytest_collection_modifyitems(items: list[pytest.Function]) -> None:
    """Mark the tests that `make check` leaves out by the fixtures that cost so much; order them."""
    for item in items:
        for mark, fixtures in (("server", _SERVERS), ("weights", _WEIGHTS)):
            if fixtures.intersection(item.fixturenames):
                item.add_marker(mark)
    # What waits for schedules goes first, in one process: the others use the cores meanwhile, and
    # none is left waiting for it at the end. The order is random but for that.
    items.sort(key=lambda item: _WAITING not in item.fixturenames)


@pytest.fixture(scope="session", autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Keep tests away from the settings and the state of whoever runs them."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith(_FOREIGN) or name == "DATABASE_URL":
                patch.delenv(name)
        home = tmp_path_factory.mktemp("home")
        patch.setenv("SEVERITY_HOME", str(home))
        # A full disk is tested where it matters, and must fail no other test.
        patch.setenv("SEVERITY_RECEIVER_FREE_MEGABYTES", "1")
        # Once, before any test's command does: Prefect keeps what it is told first.
        configure_prefect(home, quiet=True)
        yield home


@pytest.fixture(autouse=True)
def _own_settings(_own_home: Path) -> Iterator[None]:
    """Undo what a test's program set for the passes that it starts: the next test has its own."""
    before = _settings_set()
    yield
    for name in _settings_set().keys() - before.keys():
        del os.environ[name]
    os.environ.update(before)


def _settings_set() -> dict[str, str]:
    return {
        name: value
        for name, value in os.environ.items()
        if name.startswith("SEVERITY_") or name == "DATABASE_URL"
    }


@pytest.fixture(scope="session")
def prefect_database(
    _own_home: Path, tmp_path_factory: pytest.TempPathFactory, worker_id: str
) -> Path:
    """An empty database of Prefect, to copy into a home: its migrations take long."""
    own = tmp_path_factory.getbasetemp()
    return migrated_file(own if worker_id == "master" else own.parent)


@pytest.fixture(scope="session")
def server_url() -> Iterator[str]:
    """One PostgreSQL server for each process that runs tests."""
    with running_postgres() as url:
        yield url


@pytest.fixture(scope="session")
def migrated(server_url: str) -> Iterator[str]:
    """The name of a database with the project's tables, to copy: migrating takes long."""
    with new_database(server_url) as url:
        database = Database(url)
        database.upgrade()
        database.dispose()
        yield str(make_url(url).database)


@pytest.fixture
def database_url(server_url: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """A database of the test's own; empty, unless the test asks for `database` too."""
    with_tables = "database" in request.fixturenames
    template = request.getfixturevalue("migrated") if with_tables else None
    with new_database(server_url, template=template) as url:
        yield url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A database with the project's tables."""
    database = Database(database_url)
    yield database
    database.dispose()


@pytest.fixture(scope="session")
def cidc() -> Path:
    """The COVID-19 Image Data Collection; tests that need it are skipped without it."""
    folder = _DATA / "cidc"
    if not folder.is_dir():
        pytest.skip("no ../shared/data and no SEVERITY_TEST_DATA: real images are not available")
    return folder
