"""The demonstration beside an installation."""

import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import mkdtemp

from tests.builders.commands import environment
from tests.builders.prefect_database import lay_out
from tests.builders.services import processes_of
from tests.builders.small_images import write_inbox


def test_it_uses_neither_the_database_nor_the_prefect_of_the_installation(
    prefect_database: Path, tmp_path: Path
) -> None:
    write_inbox(tmp_path / "data", images=1)
    # The embedded database's own user must be able to reach it.
    home = Path(mkdtemp(prefix="severity-demo-"))
    own = home / "demo-data"  # apart from the simulated patients
    lay_out(prefect_database, own)

    shown = subprocess.run(
        [sys.executable, "-m", "flows", "demo", "--data", str(tmp_path / "data")],
        env=environment(
            SEVERITY_HOME=str(home),
            DATABASE_URL="postgresql://nobody@127.0.0.1:1/none",
            SEVERITY_PSEUDONYM_KEY="0123456789abcdef" * 2,
            PREFECT_API_URL="http://127.0.0.1:1/api",
            PREFECT_API_AUTH_STRING="severity:of the hospital",
            PREFECT_HOME=str(tmp_path / "hospital/prefect"),
        ),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert shown.returncode == 0, shown.stderr
    assert "1 scored" in shown.stdout
    assert f"dashboard --home {own}" in shown.stdout.replace("\n", "")
    assert not (tmp_path / "hospital").exists()
    assert not (home / "postgres").exists()
    assert not processes_of(home)
    shutil.rmtree(home)
