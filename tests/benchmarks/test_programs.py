"""Programs that a benchmark starts."""

import signal
import subprocess
import time

import pytest

from benchmarks.programs import inherited_environment, kill_group


def test_a_program_has_no_setting_of_its_user(monkeypatch: pytest.MonkeyPatch):
    settings = {"SEVERITY_MODEL", "PREFECT_API_URL", "AWS_ENDPOINT", "DATABASE_URL"}
    for name in settings:
        monkeypatch.setenv(name, "of the user")

    assert not settings & inherited_environment().keys()
    assert "PATH" in inherited_environment()


def test_a_killed_program_takes_along_what_it_started_and_may_be_gone_already():
    script = ["sh", "-c", "sleep 60 & echo started; wait"]
    with subprocess.Popen(script, stdout=subprocess.PIPE, start_new_session=True) as shell:
        assert shell.stdout is not None
        shell.stdout.readline()
        began = time.monotonic()
        kill_group(shell)
        kill_group(shell)

        assert shell.returncode == -signal.SIGKILL
        assert shell.stdout.read() == b""  # which waits for the last that has it open
        assert time.monotonic() - began < 30
