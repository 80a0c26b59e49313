"""Passes over several sources as the service makes them."""

import asyncio
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from db.closing.outcomes import Outcome
from db.reading.site import balances
from flows import lost_mounts
from flows.errors import InboxError
from flows.resources import Resources, using
from flows.scoring import batch
from flows.scoring.run import ScoringRun
from flows.scoring.summary import Counts
from flows.settings import SourceSettings
from tests.builders.lost_mounts import lost_mount
from tests.builders.small_images import write_image, write_sidecar

if TYPE_CHECKING:
    from prefect.client.schemas.objects import State


@pytest.fixture
def serve_once(
    prefect: None, resources: Resources, tmp_path: Path
) -> Callable[..., "State[object]"]:
    """Make one pass of the service over folders of these names; return how its run ended."""
    from flows.scoring.flow import score_inbox

    def serve_once(*names: str) -> "State[object]":
        sources = {name: SourceSettings(name=name, location=str(tmp_path / name)) for name in names}
        settings = resources.settings.model_copy(update={"sources": sources})
        with using(Resources(settings, resources.progress, resources.opened)):
            return asyncio.run(score_inbox(return_state=True))

    return serve_once


def scored(resources: Resources) -> dict[str, int]:
    with resources.open_database().transaction() as session:
        sources = balances.balances(session)
    assert all(balance.holds for balance in sources)
    return {balance.name: balance.versions[0].scored for balance in sources if balance.seen}


def write_source(folder: Path, *seeds: int) -> None:
    names = [f"{seed}.png" for seed in seeds]
    for seed, name in zip(seeds, names, strict=True):
        write_image(folder / name, seed=seed)
    write_sidecar(
        folder,
        [{"filename": name, "patient_id": name, "acquired_at": "2020-03-01"} for name in names],
    )


def test_a_source_that_cannot_be_read_or_was_emptied_fails_alone_and_is_named(
    serve_once: Callable[..., "State[object]"], resources: Resources, tmp_path: Path
) -> None:
    write_source(tmp_path / "icu", 1)
    write_source(tmp_path / "ward", 2, 3)

    state = serve_once("gone", "icu", "ward")

    assert state.is_failed()
    assert "gone: " in str(state.message)
    assert "ward" not in str(state.message).replace(str(tmp_path), "")
    assert scored(resources) == {"icu": 1, "ward": 2}

    shutil.rmtree(tmp_path / "icu")
    (tmp_path / "icu").mkdir()
    write_source(tmp_path / "ward", 2, 3, 4)
    state = serve_once("icu", "ward")

    assert state.is_failed()
    assert "icu: The source is empty" in str(state.message)
    assert scored(resources) == {"icu": 1, "ward": 3}

    write_source(tmp_path / "icu", 1)

    assert serve_once("icu", "ward").is_completed()


def test_a_source_on_a_mount_whose_server_is_lost_fails_alone(
    serve_once: Callable[..., "State[object]"],
    resources: Resources,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lost_mounts, "OPENING_SECONDS", 0.3)
    write_source(tmp_path / "ward", 2, 3)
    (tmp_path / "lost").mkdir()

    with lost_mount(tmp_path / "lost"):
        state = serve_once("lost", "ward")

    assert state.is_failed()
    assert "does not answer" in str(state.message)
    assert scored(resources) == {"ward": 2}


def test_a_fault_of_the_program_in_one_source_keeps_no_other_from_being_scored(
    serve_once: Callable[..., "State[object]"],
    resources: Resources,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write_source(tmp_path / "icu", 1)
    write_source(tmp_path / "ward", 2)

    async def close(outcomes: Sequence[Outcome], run: ScoringRun) -> Counts:
        if run.label == "icu":
            raise ZeroDivisionError("of P1")
        return await closed(outcomes, run)

    closed = batch.close
    monkeypatch.setattr(batch, "close", close)
    state = serve_once("icu", "ward")

    assert "icu: an unexpected error: ZeroDivisionError" in str(state.message)
    assert "P1" not in str(state.message)
    assert scored(resources) == {"icu": 0, "ward": 1}


def test_sources_of_which_none_can_be_read_fail_the_pass_and_what_expired_is_deleted(
    serve_once: Callable[..., "State[object]"], resources: Resources
) -> None:
    left = resources.settings.home / "prefect" / "tmp" / "runner"
    left.mkdir(parents=True)
    os.utime(left, (0, 0))

    state = serve_once("gone", "lost")

    assert not left.exists()
    assert state.is_failed()
    with pytest.raises(InboxError, match=r"gone is not a folder; .*lost is not a folder"):
        state.result()
