"""The command that serves the dashboard, as a program."""

import signal
import subprocess
import sys
from pathlib import Path

import httpx

from tests.builders.commands import Program, environment
from tests.builders.ports import reserved_port
from tests.builders.settings import SECRET


def test_it_says_where_it_is_and_ends_when_interrupted(database_url: str, tmp_path: Path) -> None:
    settings = environment(
        DATABASE_URL=database_url,
        SEVERITY_PSEUDONYM_KEY=SECRET,
        SEVERITY_HOME=str(tmp_path),
        PYTHONUNBUFFERED="1",
    )
    command = [sys.executable, "-m", "flows", "dashboard", "--port", "0"]
    with subprocess.Popen(command, env=settings, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = process.stdout.readline().split()[4]
        answer = httpx.get(f"{address}/static/dashboard.css", timeout=60)
        process.send_signal(signal.SIGINT)

        assert answer.status_code == 200
        assert process.wait(timeout=60) == 0


def test_a_port_that_is_taken_ends_it_with_one_line(program: Program) -> None:
    with reserved_port() as port:
        result = program("dashboard", "--port", str(port))

    assert result.returncode == 2
    assert f"port {port} of 127.0.0.1 cannot be used (Address already in use)" in result.stderr
    assert len(result.stderr.splitlines()) == 1
