"""All parts as `up` starts them: what they answer, and that nothing of them is left."""

import os
import shutil
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp

import httpx
import pytest

from tests.builders.ports import free_ports
from tests.builders.prefect_database import lay_out
from tests.builders.services import Service, processes_of, until
from tests.builders.small_images import write_inbox

NEVER = ("--cron", "0 0 1 1 *")


@pytest.fixture
def together(service: Service) -> Service:
    """All parts on the test's database, not started yet."""
    service.command = "up"
    service.settings["SEVERITY_DASHBOARD_PORT"] = str(free_ports(1)[0])
    service.settings["PREFECT_API_URL"] = ""
    return service


@pytest.fixture
def embedded(together: Service, prefect_database: Path) -> Iterator[Service]:
    """The same on the embedded database, whose own user must be able to reach its folder."""
    together.home = Path(mkdtemp(prefix="severity-up-"))
    lay_out(prefect_database, together.home)
    # A home that is named on the command line comes first.
    together.settings["DATABASE_URL"] = "postgresql://nobody@127.0.0.1:1/none"
    together.settings["PREFECT_API_URL"] = "http://127.0.0.1:1/api"
    together.settings["PREFECT_HOME"] = "/dev/null/no"
    yield together
    until(lambda: not processes_of(together.home))
    shutil.rmtree(together.home)


def dashboard(service: Service) -> str:
    return f"http://127.0.0.1:{service.settings['SEVERITY_DASHBOARD_PORT']}"


def is_free(url: str) -> bool:
    """Return whether nobody listens at an address."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", httpx.URL(url).port)) != 0


def assert_nothing_is_left(service: Service) -> None:
    until(lambda: not processes_of(service.home), lambda: str(processes_of(service.home)))
    assert is_free(dashboard(service))
    assert is_free(service.url)


def kill(service: Service, process: str) -> None:
    """Kill the one process with these words in its command line."""
    (number,) = (number for number, line in processes_of(service.home).items() if process in line)
    os.kill(number, signal.SIGKILL)


def test_all_parts_answer_and_ctrl_c_ends_all_of_them(embedded: Service) -> None:
    write_inbox(embedded.inbox, images=1)
    embedded.start("--home", str(embedded.home), *NEVER)
    embedded.await_log(embedded.url)

    until(lambda: httpx.get(f"{dashboard(embedded)}/").is_success, lambda: embedded.log)
    assert httpx.post(f"{embedded.url}/api/deployments/filter", json={}).status_code == 401
    for place in (dashboard(embedded), embedded.url, str(embedded.home / "postgres")):
        assert embedded.log.count(place) == 1
    os.killpg(embedded.process.pid, signal.SIGINT)  # as a terminal does

    assert embedded.process.wait(timeout=60) == 130
    assert_nothing_is_left(embedded)


def test_sigterm_ends_all_parts_even_while_they_start(together: Service) -> None:
    write_inbox(together.inbox, images=1)
    together.start(*NEVER)
    together.await_log(dashboard(together))

    assert together.end(signal.SIGTERM) == 0
    assert_nothing_is_left(together)
    assert "Traceback" not in together.log


def test_the_end_of_prefects_server_ends_all_parts_with_an_error(together: Service) -> None:
    write_inbox(together.inbox, images=1)
    together.start(*NEVER)
    together.await_log(together.url)

    kill(together, "server_process")

    assert together.process.wait(timeout=60) == 1
    assert "Prefect's server ended by itself" in together.log.splitlines()[-1]
    assert_nothing_is_left(together)


def test_the_end_of_the_embedded_database_ends_all_parts_even_while_they_start(
    embedded: Service,
) -> None:
    write_inbox(embedded.inbox, images=1)
    embedded.start("--home", str(embedded.home), *NEVER)
    embedded.await_log(dashboard(embedded))

    kill(embedded, "postgres -D")

    assert embedded.process.wait(timeout=60) == 1
    assert "the embedded PostgreSQL ended by itself" in embedded.log.splitlines()[-1]
    assert_nothing_is_left(embedded)
