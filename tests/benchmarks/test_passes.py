"""The report on passes."""

from pathlib import Path

import pytest

pytest.importorskip("torch")
from rich.console import Console

from benchmarks.engine import main
from benchmarks.passes import Cost, PassRound, passes_to_json, show_passes


def round_of(*, pass_seconds: float, alone_seconds: float) -> PassRound:
    after_start = {
        "pass_seconds": pass_seconds,
        "pass_processor_seconds": 1.0,
        "alone_seconds": alone_seconds,
        "alone_processor_seconds": 1.0,
    }
    whole = Cost(wall=20.0, processor=30.0)
    return PassRound(578, after_start, whole, whole, empty_pass=Cost(1.5, 1.25))


def test_the_ratio_is_taken_within_each_round_and_not_of_medians():
    # A machine that was three times as slow in the second round.
    rounds = [
        round_of(pass_seconds=11, alone_seconds=10),
        round_of(pass_seconds=36, alone_seconds=30),
        round_of(pass_seconds=13, alone_seconds=10),
    ]
    console = Console(width=120, record=True)

    show_passes(rounds, console)

    assert "within a round: 1.20 (1.10 to 1.30)" in console.export_text()
    assert [row["pass_over_alone"] for row in passes_to_json(rounds)] == [1.1, 1.2, 1.3]


def test_without_the_images_nothing_is_measured(tmp_path: Path, capsys):
    assert main(["--passes", "--data", str(tmp_path)]) == 1
    assert "set the folder that contains cidc" in " ".join(capsys.readouterr().err.split())
