"""Prefect's server of our own: what it keeps, and what is left when its parent is killed."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from flows.resources import Resources
from tests.builders.commands import environment
from tests.builders.prefect_database import lay_out
from tests.builders.services import processes_of, until
from tests.builders.settings import SECRET
from tests.builders.small_images import write_inbox


def test_killing_a_run_leaves_no_prefect_server(resources: Resources, tmp_path: Path) -> None:
    write_inbox(tmp_path / "inbox", images=60)
    home = tmp_path / "home"
    settings = environment(
        DATABASE_URL=resources.settings.database_url.get_secret_value(),
        SEVERITY_PSEUDONYM_KEY=SECRET,
        SEVERITY_HOME=str(home),
        SEVERITY_SETTLE_SECONDS="0",
        SEVERITY_BATCH_SIZE="1",
    )
    command = [sys.executable, "-m", "flows", "run", "--inbox", str(tmp_path / "inbox")]
    with subprocess.Popen(
        command, env=settings, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as run:
        until(lambda: any("server_process" in line for line in processes_of(home).values()))
        os.kill(run.pid, signal.SIGKILL)
        run.communicate()

    until(lambda: not processes_of(home), lambda: str(processes_of(home)))


def test_the_server_of_a_run_refuses_who_has_no_password(
    prefect_database: Path, tmp_path: Path
) -> None:
    lay_out(prefect_database, tmp_path / "home")
    code = """
import os, httpx
from pathlib import Path
from flows.orchestration.environment import configure_prefect
from flows.orchestration.server import prefect_api
configure_prefect(Path(os.environ["SEVERITY_HOME"]), quiet=True)
with prefect_api():
    url = os.environ["PREFECT_API_URL"]
    print(httpx.get(f"{url}/health").status_code)
    print(httpx.post(f"{url}/flow_runs/filter", json={}).status_code)
    from prefect import get_client
    with get_client(sync_client=True) as client:
        print(len(client.read_flow_runs()))
print(os.environ.get("PREFECT_API_URL"))
"""
    asked = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(SEVERITY_HOME=str(tmp_path / "home")),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert asked.stdout.split() == ["200", "401", "0", "None"], asked.stderr
    assert not processes_of(tmp_path / "home")


def test_a_server_that_does_not_start_is_one_line_that_names_its_log(
    resources: Resources, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    write_inbox(tmp_path / "inbox", images=1)
    run = subprocess.run(
        [sys.executable, "-m", "flows", "run", "--inbox", str(tmp_path / "inbox")],
        env=environment(
            DATABASE_URL=resources.settings.database_url.get_secret_value(),
            SEVERITY_PSEUDONYM_KEY=SECRET,
            SEVERITY_HOME=str(home),
            SEVERITY_SETTLE_SECONDS="0",
            PREFECT_API_DATABASE_CONNECTION_URL="sqlite+aiosqlite:////dev/null/no/prefect.db",
        ),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    log = home / "prefect/server.log"
    assert run.returncode == 1
    assert "Traceback" not in run.stderr
    assert str(log) in run.stderr.splitlines()[-1]
    assert "Traceback" in log.read_text()
