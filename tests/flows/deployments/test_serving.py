"""The service as it is started: its own Prefect server, a schedule, scores."""

import os
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text

from flows.cli.options import chosen_settings
from flows.deployments.serving import export_settings
from flows.resources import Resources
from tests.builders.commands import environment
from tests.builders.ports import free_ports
from tests.builders.services import Service, processes_of, until
from tests.builders.settings import SECRET
from tests.builders.small_images import write_inbox

SCORED_3 = "3 enlisted, 3 scored, 0 rejected"
NONE_LEFT = "0 left for the next pass"


def test_a_service_scores_on_its_schedule_obeys_its_owner_alone_and_outlives_its_server(
    service: Service, resources: Resources, tmp_path: Path
) -> None:
    """In one life, as each takes half a minute of a core.

    Also guards the pins of Prefect's server: see docs/decisions/0002-sqlalchemy-2.0.md.
    """
    write_inbox(service.inbox, images=3)
    write_inbox(tmp_path / "private", images=5)
    health = free_ports(1)[0]
    service.settings["PREFECT_RUNNER_SERVER_ENABLE"] = "true"  # as docker-compose.yml has it
    service.settings["PREFECT_RUNNER_SERVER_PORT"] = str(health)
    service.settings["PREFECT_API_URL"] = ""  # as in a file of settings where none is named
    service.start("--poll-seconds", "10")
    service.await_log(SCORED_3)
    password = service.password
    assert httpx.get(f"http://127.0.0.1:{health}/health").is_success

    _assert_nobody_asks_without_its_password(service)
    _assert_a_run_cannot_name_another_folder(service, tmp_path / "private")
    _assert_a_second_is_refused_in_one_line(service)
    _assert_a_server_that_dies_is_replaced(service)

    assert service.end(signal.SIGTERM) == 0
    assert _count(resources, "score") == _count(resources, "sighting") == 3
    assert "P0" not in service.log
    assert "Warning" not in service.log
    # Not among the temporary files of all users, where another user's would be in the way.
    assert (service.home / "prefect/tmp/runner_storage").is_dir()
    assert password not in service.log
    _assert_all_files_are_the_owners(service.home, password)


def _assert_nobody_asks_without_its_password(service: Service) -> None:
    lines = processes_of(service.home)

    assert httpx.post(f"{service.url}/api/deployments/filter", json={}).status_code == 401
    assert service.url in service.log
    assert len(lines) >= 2
    assert not any(service.password in line for line in lines.values())


def _assert_a_run_cannot_name_another_folder(service: Service, folder: Path) -> None:
    auth = httpx.BasicAuth(*service.password.split(":", maxsplit=1))
    with httpx.Client(base_url=f"{service.url}/api", auth=auth) as api:
        (deployment,) = _posted(api, "/deployments/filter", {}).json()
        path = f"/deployments/{deployment['id']}/create_flow_run"
        asked = _posted(api, path, {"parameters": {"inbox": str(folder)}})

    assert asked.status_code in {201, 409}, asked.text
    assert deployment["parameters"] == {}
    assert deployment["parameter_openapi_schema"]["properties"] == {}


def _posted(api: httpx.Client, path: str, content: object) -> httpx.Response:
    """Ask again while its database is locked by others, as Prefect's own clients do."""
    answers: list[httpx.Response] = []

    def is_answered() -> bool:
        answers.append(api.post(path, json=content))
        return answers[-1].status_code != httpx.codes.SERVICE_UNAVAILABLE

    until(is_answered)
    return answers[-1]


def _assert_a_second_is_refused_in_one_line(service: Service) -> None:
    second = _serve_again(service)

    assert (second.returncode, second.stdout) == (2, "")
    assert second.stderr.count("\n") == 1
    assert str(service.home) in second.stderr
    assert service.process.poll() is None


def _assert_a_server_that_dies_is_replaced(service: Service) -> None:
    """Also where its log cannot be opened at first, as on a full disk."""
    log = service.home / "prefect/server.log"
    log.unlink()
    log.mkdir()
    (server,) = (
        number for number, line in processes_of(service.home).items() if "server_process" in line
    )
    os.kill(server, signal.SIGKILL)
    service.await_log("it is started again", times=2)
    log.rmdir()
    passes = service.log.count(NONE_LEFT)
    service.await_log(NONE_LEFT, times=passes + 2)
    assert service.process.poll() is None


def _assert_all_files_are_the_owners(home: Path, password: str) -> None:
    for folder, folders, names in os.walk(home):
        if "page" in folders:
            folders.remove("page")  # Prefect's copy of its own page, which anybody may read
        assert _mode(Path(folder)) & 0o066 == 0, folder
        for path in (Path(folder) / name for name in names):
            assert _mode(path) & 0o077 == 0, path
            if path.name != "password":
                assert password.encode() not in path.read_bytes(), path


def test_passes_use_the_embedded_database_of_a_chosen_home_whatever_the_environment_names(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in {
        "DATABASE_URL": "postgresql://host/real",
        "SEVERITY_PSEUDONYM_KEY": SECRET,
        "SEVERITY_HOME": "/elsewhere",
    }.items():
        monkeypatch.setenv(name, value)

    export_settings(chosen_settings(home=tmp_path))

    settings = chosen_settings()
    assert (settings.home, settings.database_url, settings.pseudonym_key) == (tmp_path, None, None)


def test_passes_take_secrets_and_lists_as_the_environment_has_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SEVERITY_DASHBOARD_PASSWORD", SECRET)
    monkeypatch.setenv("SEVERITY_DASHBOARD_NAMES", "one.example,two.example")
    monkeypatch.setenv("SEVERITY_SCHEDULES", '{"courses": "0 6 * * *"}')
    settings = chosen_settings(cron="0 1 * * *", poll_seconds=60.0)

    export_settings(settings)

    assert chosen_settings() == settings


def test_passes_have_the_secrets_of_the_service_as_they_are(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in {
        "SEVERITY_HOME": str(tmp_path),
        "SEVERITY_SUCCESS_URL": "https://checks.example/ping/1",
        "SEVERITY_DASHBOARD_PASSWORD": "what all who look know",
    }.items():
        monkeypatch.setenv(name, value)
    before = chosen_settings()

    export_settings(before)

    assert chosen_settings() == before


@pytest.mark.long
def test_killing_the_service_in_mid_run_delays_nothing_and_leaves_no_process(
    service: Service, resources: Resources
) -> None:
    write_inbox(service.inbox, images=40)
    service.settings["SEVERITY_BATCH_SIZE"] = "1"
    service.start("--poll-seconds", "20")
    until(lambda: _count(resources, "score"), lambda: service.log)

    assert service.end(signal.SIGKILL) == -signal.SIGKILL
    scored = _count(resources, "score")
    assert scored < 40, "it was killed too late to prove anything"
    began = len(service.log)
    service.start("--poll-seconds", "20")
    until(lambda: _count(resources, "score") > scored, lambda: service.log[began:])
    assert "another pass" not in service.log[began:]
    until(lambda: _count(resources, "score") == 40, lambda: service.log[began:])
    service.await_log(NONE_LEFT)
    assert service.end() == 0

    states = _states(service.home)
    assert "CRASHED" in states
    assert not {"RUNNING", "PENDING"} & set(states)


@pytest.mark.long
def test_a_pass_that_is_killed_delays_no_other_and_ctrl_c_in_mid_run_ends_all(
    service: Service, resources: Resources
) -> None:
    write_inbox(service.inbox, images=40)
    service.settings["SEVERITY_BATCH_SIZE"] = "1"
    service.start("--poll-seconds", "20")
    until(lambda: _count(resources, "score"), lambda: service.log)

    for number, line in processes_of(service.home).items():
        if "multiprocessing.spawn" in line:
            os.kill(number, signal.SIGKILL)
    scored = _count(resources, "score")
    until(lambda: _count(resources, "score") > scored, lambda: service.log)
    assert "another pass" not in service.log

    os.killpg(service.process.pid, signal.SIGINT)  # as a terminal does

    assert service.process.wait(timeout=60) == 130
    until(lambda: not processes_of(service.home))
    assert _count(resources, "score") < 40, "it was interrupted too late to prove anything"
    assert _count(resources, "work WHERE state = 'claimed'") == 0
    assert "RuntimeWarning" not in service.log


def test_a_port_that_is_taken_is_named_in_one_line(service: Service) -> None:
    write_inbox(service.inbox, images=1)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", service.port))
        taken.listen()
        service.process = subprocess.Popen([sys.executable, "-c", ""])

        refused = _serve_again(service)

    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
    assert str(service.port) in refused.stderr
    assert not processes_of(service.home)


def _serve_again(service: Service) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "flows", "serve", "--inbox", str(service.inbox)],
        env=environment(
            SEVERITY_HOME=str(service.home),
            SEVERITY_DEVICE="cpu",
            SEVERITY_PREFECT_PORT=str(service.port),
            **service.settings,
        ),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def _count(resources: Resources, table: str) -> int:
    with resources.open_database().transaction() as session:
        count: int = session.scalar(text(f"SELECT count(*) FROM {table}")) or 0  # noqa: S608
    return count


def _states(home: Path) -> list[str]:
    with sqlite3.connect(home / "prefect/prefect.db") as database:
        rows = database.execute(
            "SELECT state_type FROM flow_run WHERE state_type != 'SCHEDULED'"
        ).fetchall()
    return [state for (state,) in rows]


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)
