"""A pass lists the inbox first: where nothing waits, nothing is loaded or started."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from flows.resources import Opened, Progress, Resources
from flows.scoring.inbox_pass import score_new
from severity.errors import WrongWeights
from tests.builders.settings import SECRET
from tests.builders.small_images import write_image, write_inbox, write_sidecar

RUN = """
import sys
from flows.cli import main
main()
heavy = {"prefect", "openvino", "torch", "scipy.stats", "scipy.optimize"}
print("imported", sorted(heavy & set(sys.modules)))
"""


def count(resources: Resources, table: str) -> int:
    with resources.open_database().transaction() as session:
        return session.scalar(text(f"SELECT count(*) FROM {table}"))  # noqa: S608


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    write_inbox(tmp_path / "inbox", images=3)
    return tmp_path / "inbox"


def unopened(resources: Resources, **settings: str) -> Resources:
    """Return resources of which nothing is opened yet."""
    return Resources(resources.settings.model_copy(update=settings), Progress())


def test_an_empty_pass_of_the_command_imports_no_prefect_and_no_network(
    score: Callable[[Path], object], resources: Resources, inbox: Path, tmp_path: Path
) -> None:
    score(inbox)
    assert resources.settings.database_url is not None
    environment = os.environ | {
        "DATABASE_URL": resources.settings.database_url.get_secret_value(),
        "SEVERITY_PSEUDONYM_KEY": SECRET,
        "SEVERITY_HOME": str(tmp_path / "home"),
        "SEVERITY_SETTLE_SECONDS": "0",
    }

    result = subprocess.run(
        [sys.executable, "-c", RUN, "run", "--inbox", str(inbox)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )

    assert "imported []" in result.stdout
    assert "3 seen = 3 accepted + 0 rejected + 0 unread" in result.stdout
    assert "3 accepted = 3 scored + 0 waiting + 0 failed + 0 withdrawn" in result.stdout


def test_an_empty_pass_is_a_finished_run_that_loaded_nothing(
    score: Callable[[Path], object], resources: Resources, inbox: Path
) -> None:
    score(inbox)
    later = unopened(resources)

    summary = asyncio.run(score_new(str(inbox), later))

    assert (summary.enlisted, summary.scored) == (0, 0)
    assert summary.balance.of(summary.model_version).scored == 3
    assert later.opened.model is None
    assert count(resources, "run WHERE state = 'finished'") == 2


def test_a_scheduled_pass_loads_no_network_when_nothing_waits(
    score: Callable[..., object], resources: Resources, inbox: Path
) -> None:
    first, later = unopened(resources), unopened(resources)

    score(inbox, first)
    score(inbox, later)

    assert first.opened.model is not None
    assert later.opened.model is None


def test_an_empty_pass_fetches_no_weights(resources: Resources, tmp_path: Path) -> None:
    (tmp_path / "inbox").mkdir()
    absent = unopened(resources, model="txrv-cidc-v1", weights_url="http://127.0.0.1:9/weights.pt")

    summary = asyncio.run(score_new(str(tmp_path / "inbox"), absent))

    assert summary.model_version.startswith("txrv-cidc-v1-fp32-")
    assert summary.balance.seen == 0


def test_a_model_of_another_version_than_the_run_was_begun_with_scores_nothing(
    prefect: None, resources: Resources, inbox: Path
) -> None:
    other = unopened(resources, model="compact-1").load_model()
    mistaken = Resources(resources.settings, Progress(), Opened(model=other))

    with pytest.raises(WrongWeights, match=f"is {other.version.key}, not compact-3"):
        asyncio.run(score_new(str(inbox), mistaken))

    assert count(resources, "score") == 0
    assert count(resources, "work WHERE state = 'waiting'") == 3
    assert count(resources, "run WHERE state = 'failed'") == 1


def test_a_new_model_scores_films_of_which_the_sidecar_is_gone(
    score: Callable[..., object], resources: Resources, inbox: Path
) -> None:
    """Each night's sidecar may replace the one before: whom an accepted film shows is stored."""
    score(inbox)
    write_image(inbox / "new.png", seed=77)
    write_sidecar(inbox, [{"filename": "new.png", "patient_id": "P9"}])

    summary = score(inbox, unopened(resources, model="compact-2"))

    assert (summary.scored, summary.vanished) == (4, 0)
    again = score(inbox, unopened(resources, model="compact-2"))
    assert (again.scored, again.enlisted) == (0, 0)
