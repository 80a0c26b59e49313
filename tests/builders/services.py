"""The scheduled service as a process, and the processes that belong to it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.builders.commands import environment

PATIENCE_SECONDS = 150


def processes_of(home: Path) -> dict[int, str]:
    """Return the command lines of the living processes that use a home folder, by id."""
    mark = f"SEVERITY_HOME={home}\0".encode()
    alive = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (folder / "environ").read_bytes() + b"\0":
                alive[int(folder.name)] = (folder / "cmdline").read_text().replace("\0", " ")
        except OSError:  # ended meanwhile, or another user's
            continue
    return {number: line for number, line in alive.items() if line}


def until(condition: Callable[[], object], otherwise: Callable[[], str] = str) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(otherwise() or "it never happened")
        time.sleep(0.1)


@dataclass(eq=False)
class Service:
    """`serve` on an inbox, or another command that goes on, in a process of its own."""

    inbox: Path
    home: Path
    port: int
    settings: dict[str, str] = field(default_factory=dict)
    command: str = "serve"
    process: "subprocess.Popen[bytes]" = field(init=False)

    def start(self, *options: str) -> None:
        settings = environment(
            SEVERITY_HOME=str(self.home),
            SEVERITY_SETTLE_SECONDS="0",
            SEVERITY_DEVICE="cpu",
            SEVERITY_PREFECT_PORT=str(self.port),
            PREFECT_RUNNER_POLL_FREQUENCY="1",  # seconds until it sees that a run is due
            **self.settings,
        )
        command = [sys.executable, "-m", "flows", self.command, "--inbox", str(self.inbox)]
        with self.log_file.open("a") as log:
            self.process = subprocess.Popen(
                [*command, *options],
                env=settings,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def log_file(self) -> Path:
        return self.inbox.with_name("serve.log")

    @property
    def log(self) -> str:
        return self.log_file.read_text() if self.log_file.exists() else ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def password(self) -> str:
        return (self.home / "prefect/password").read_text()

    def await_log(self, text: str, *, times: int = 1) -> None:
        def happened() -> bool:
            if self.log.count(text) >= times:
                return True
            if self.process.poll() is not None:
                pytest.fail(f"it ended with {self.process.returncode}: {self.log[-4000:]}")
            return False

        until(happened, lambda: self.log[-4000:])

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal; return the exit code once all its processes are gone."""
        self.process.send_signal(number)
        code = self.process.wait(timeout=PATIENCE_SECONDS)
        until(lambda: not processes_of(self.home), lambda: str(processes_of(self.home)))
        return code

    def kill_all(self) -> None:
        """Leave nothing running after a test that failed."""
        for number in processes_of(self.home):
            os.kill(number, signal.SIGKILL)
        self.process.wait()
