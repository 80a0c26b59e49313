"""The service as it is started: its own Prefect server, a schedule, scores."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import text

from flows.resources import Resources
from tests.builders.commands import environment
from tests.builders.settings import SECRET
from tests.builders.small_images import write_inbox

PATIENCE_SECONDS = 240


def test_the_service_scores_on_its_schedule_and_ends_when_told(
    resources: Resources, tmp_path: Path
) -> None:
    """Also guards the pins of Prefect's server: see docs/decisions/0002-sqlalchemy-2.0.md."""
    write_inbox(tmp_path / "inbox", images=3)
    assert resources.settings.database_url is not None
    settings = environment(
        DATABASE_URL=resources.settings.database_url.get_secret_value(),
        SEVERITY_PSEUDONYM_KEY=SECRET,
        SEVERITY_HOME=str(tmp_path / "home"),
        SEVERITY_SETTLE_SECONDS="0",
        PREFECT_RUNNER_POLL_FREQUENCY="1",  # seconds until it sees that a run is due
    )
    command = [sys.executable, "-m", "flows", "serve", "--inbox", str(tmp_path / "inbox")]
    log = tmp_path / "serve.log"
    with log.open("w") as output:
        service = subprocess.Popen(
            [*command, "--poll-seconds", "10"],
            env=settings,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + PATIENCE_SECONDS
        # The scores are there a little before the run's own log has passed through Prefect.
        while "of 3: 3 scored, 0 rejected" not in log.read_text():
            if service.poll() is not None or time.monotonic() > deadline:
                pytest.fail(log.read_text()[-4000:])
            time.sleep(1)
    finally:
        service.send_signal(signal.SIGTERM)
        service.wait(timeout=60)
    assert _scores(resources) == 3
    # Not among the temporary files of all users, where another user's would be in the way.
    assert (tmp_path / "home" / "prefect" / "tmp" / "runner_storage").is_dir()
    assert "P0" not in log.read_text()


def _scores(resources: Resources) -> int:
    with resources.open_database().transaction() as session:
        count: int = session.scalar(text("SELECT count(*) FROM score")) or 0
    return count
