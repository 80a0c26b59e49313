"""Passes that are due while another works."""

import os
import time
from pathlib import Path

from flows.resources import Progress
from flows.scoring.turns import pass_turn


def test_a_pass_leaves_the_inbox_to_the_one_that_works(tmp_path: Path) -> None:
    with pass_turn(tmp_path, Progress()) as first, pass_turn(tmp_path, Progress()) as second:
        assert first is not None
        assert second is None

    with pass_turn(tmp_path, Progress()) as third:
        assert third is not None


def test_a_pass_starts_beside_one_that_hangs_and_not_beside_one_that_moves(tmp_path: Path) -> None:
    an_hour_ago = time.time() - 3600
    with pass_turn(tmp_path, Progress()) as first:
        assert first is not None
        (lock,) = tmp_path.glob("*.lock")
        os.utime(lock, (an_hour_ago, an_hour_ago))
        with pass_turn(tmp_path, Progress()) as beside:
            assert beside is not None

        os.utime(lock, (an_hour_ago, an_hour_ago))
        first.advanced(scored=1, rejected=0)
        with pass_turn(tmp_path, Progress()) as third:
            assert third is None


def test_progress_reaches_whoever_shows_it(tmp_path: Path) -> None:
    class Shown(Progress):
        lines: list[str]

        def __init__(self) -> None:
            self.lines = []

        def loading(self) -> None:
            self.lines.append("loading")

        def waiting(self, images: int) -> None:
            self.lines.append(f"{images} wait")

        def advanced(self, *, scored: int, rejected: int) -> None:
            self.lines.append(f"{scored} scored, {rejected} rejected")

    shown = Shown()
    with pass_turn(tmp_path, shown) as progress:
        assert progress is not None
        progress.loading()
        progress.waiting(3)
        progress.advanced(scored=2, rejected=1)

    assert shown.lines == ["loading", "3 wait", "2 scored, 1 rejected"]
