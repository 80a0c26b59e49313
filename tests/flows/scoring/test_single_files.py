"""Scores of single files, as benchmarks and the command line call it."""

import json
from pathlib import Path

import pytest

from flows.resources import Progress, Resources
from flows.scoring.single_files import score_files
from flows.settings import Settings
from severity.domain import Reason
from tests.builders.small_images import write_inbox

pytestmark = pytest.mark.weights


class Counted(Progress):
    def __init__(self) -> None:
        self.scored = self.rejected = 0

    def advanced(self, *, scored: int, rejected: int) -> None:
        self.scored += scored
        self.rejected += rejected


@pytest.fixture(scope="session")
def resources(_own_home: None) -> Resources:
    return Resources(Settings(device="cpu", batch_size=3), Progress())


def test_results_keep_the_order_of_the_files_through_all_streams(resources, tmp_path):
    write_inbox(tmp_path, images=20)
    files = sorted(tmp_path.glob("*.png"), reverse=True)
    files[4].write_text("no image")
    files.insert(9, tmp_path / "absent.png")

    progress = Counted()

    results = score_files(iter(files), resources.reporting_to(progress))

    assert [result.file for result in results] == list(map(str, files))
    reasons = {index: result.reason for index, result in enumerate(results) if result.reason}
    assert reasons == {4: Reason.NOT_AN_IMAGE, 9: Reason.VANISHED}
    assert (progress.scored, progress.rejected) == (19, 2)
    alone = [result for file in files for result in score_files([file], resources)]
    for together, single in zip(results, alone, strict=True):
        assert together.view == single.view
        assert (together.score is None) == (single.score is None)
        if together.score:
            assert together.score.geographic_extent_raw == pytest.approx(
                single.score.geographic_extent_raw, abs=1e-4
            )


def test_no_files_have_no_results(resources):
    assert score_files([], resources) == []


def test_files_are_taken_as_they_are_scored(resources, tmp_path):
    """So that a list of any length fits into memory."""
    write_inbox(tmp_path, images=1)
    progress, taken_ahead = Counted(), []
    counting = resources.reporting_to(progress)

    def supply():
        for number in range(90):
            taken_ahead.append(number - progress.scored)
            yield tmp_path / "image-0000.png"

    assert len(score_files(supply(), counting)) == 90
    in_flight = (counting.load_model().streams + 2) * counting.settings.batch_size
    assert max(taken_ahead) <= in_flight


def test_both_sidecars_of_a_folder_are_asked_for_the_view(resources: Resources, tmp_path: Path):
    write_inbox(tmp_path, images=2)
    (tmp_path / "image-0001.png").rename(tmp_path / "other.png")
    record = {"filename": "other.png", "patient_id": "P", "view": "AP"}
    (tmp_path / "metadata.json").write_text(json.dumps([record]))

    first, second = score_files([tmp_path / "image-0000.png", tmp_path / "other.png"], resources)

    assert (first.view, second.view) == ("PA", "AP")
