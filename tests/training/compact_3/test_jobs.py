from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from severity.models.architectures.efficientnet_lite import EfficientNetLite0
from training.compact_3 import jobs
from training.compact_3.cross_validation import ADVISED, FRAMED
from training.compact_3.fitting import Device, frame, new_network
from training.compact_3.jobs import HOSPITAL, NONE, Job, Place, do, training_rows
from training.compact_3.packing import CANVAS, MASK_CANVAS, QUESTIONS, Packed
from training.compact_3.views import squares


def test_a_training_sees_no_film_that_is_held_out() -> None:
    packed = SimpleNamespace(
        fold=np.array([0, 1, 2, 0]),
        hannover=np.array([False, True, False, False]),
        source=np.array(["cidc", "cxnet", "montgomery", "nih"]),
    )

    assert training_rows(packed, "0").tolist() == [False, True, True, False]
    assert training_rows(packed, HOSPITAL).tolist() == [True, False, False, True]
    assert training_rows(packed, NONE).all()


@pytest.fixture
def packed() -> Packed:
    """Two films of noise, one of each fold, without any label."""
    two = np.ones(2, bool)
    pairs = np.zeros((2, 2), np.float32)
    answers = np.zeros((2, QUESTIONS), np.float32)
    pixels = np.random.default_rng(0).integers(0, 256, (2, CANVAS, CANVAS), np.uint8)
    names = np.array(["a", "b"])
    return Packed(
        canvases=pixels,
        masks=np.zeros((2, MASK_CANVAS, MASK_CANVAS), np.uint8),
        extents=pairs + 0.5,
        points=pairs,
        point_weights=pairs,
        sides=pairs,
        side_weights=pairs,
        answers=answers,
        answer_weights=answers,
        fold=np.array([0, 1]),
        scored=two,
        healthy=~two,
        fitted=two,
        hannover=~two,
        sampling=np.ones(2, np.float32),
        source=names,
        view=names,
        release=names,
        name=names,
        patient=names,
        day=np.zeros(2),
    )


def test_a_network_that_was_kept_is_measured_and_not_trained(
    packed: Packed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "fit", None)
    torch.manual_seed(0)
    start, job = EfficientNetLite0(), Job(FRAMED, "0")
    place = Place(tmp_path / "films.npz", tmp_path / "results", Device(), kept=tmp_path)
    place.results.mkdir()
    kept = new_network(start, FRAMED).state_dict()
    save_file(kept, tmp_path / place.weights(job.name).name)

    do(job, packed, start, place)

    assert load_file(place.weights(job.name)).keys() == kept.keys()
    with np.load(place.predictions(job.name)) as stored:
        assert np.isfinite(stored["points"]).all()
        assert stored["unseen"].tolist() == [True, False]
        assert stored["altered_rows"].tolist() == [0]


def test_films_are_framed_as_the_network_sees_them_and_first_as_scoring_cuts_them_out(
    packed: Packed,
) -> None:
    films = jobs.Canvases.of(packed, "cpu")
    first = films.frames.clone()

    frame(films, new_network(EfficientNetLite0(), FRAMED))

    assert torch.equal(first, squares(2))
    # Of noise it draws lungs everywhere: the frame stays about where it was.
    assert not torch.equal(films.frames, first)
    assert torch.allclose(films.frames, first, atol=0.2)


def test_advice_is_of_the_same_films_held_out_and_for_films_without_points_alone(
    packed: Packed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def fit(films: jobs.Canvases, *_: object) -> None:
        seen.append(films.labels)
        raise ArithmeticError

    monkeypatch.setattr(jobs, "fit", fit)
    pointed = replace(packed, point_weights=np.array([[1, 1], [0, 0]], np.float32))
    advice = {"0": np.full((2, 2), 0.5, np.float32), "1": np.ones((2, 2), np.float32)}
    np.savez(tmp_path / "advice.npz", **advice)
    place = Place(tmp_path / "films.npz", tmp_path, Device(), advice=tmp_path / "advice.npz")

    for setting in (ADVISED, FRAMED):
        with pytest.raises(ArithmeticError):
            do(Job(setting, "0"), pointed, EfficientNetLite0(), place)

    advised, framed = seen
    assert (advised.soft == 0.5).all()
    assert advised.soft_weights[:, 0].tolist() == [0, 1]
    assert not framed.soft_weights.any()
