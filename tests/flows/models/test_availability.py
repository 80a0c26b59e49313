"""Checks without loading a model that it can be loaded later."""

import hashlib
from pathlib import Path

import pytest

from flows.models.availability import check_model
from flows.models.loading import load_model
from flows.settings import Settings
from severity.errors import ModelUnavailable, WrongWeights

NOWHERE = "http://127.0.0.1:9/weights.pt"


@pytest.mark.weights
@pytest.mark.parametrize("model", ["compact-3", "compact-2", "compact-1"])
def test_the_version_of_a_bundled_model_is_that_of_the_loaded_one(
    tmp_path: Path, model: str
) -> None:
    settings = Settings(home=tmp_path, model=model, device="cpu")

    assert check_model(settings) == load_model(settings).version


def test_wrong_weights_are_found_without_loading_them(tmp_path: Path) -> None:
    (tmp_path / "weights.pt").write_bytes(b"no weights")
    settings = Settings(
        home=tmp_path, model="txrv-cidc-v1", weights_file=tmp_path / "weights.pt", device="cpu"
    )

    with pytest.raises(WrongWeights, match="have SHA-256"):
        check_model(settings)


def test_weights_that_cannot_be_fetched_are_found_missing(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, model="txrv-cidc-v1", weights_url=NOWHERE, device="cpu")

    with pytest.raises(ModelUnavailable, match="not on this machine"):
        check_model(settings)


def test_weights_that_are_here_are_checked_by_their_hash_alone(tmp_path: Path) -> None:
    (tmp_path / "weights.pt").write_bytes(b"published")
    sha256 = hashlib.sha256(b"published").hexdigest()
    settings = Settings(
        home=tmp_path,
        model="txrv-cidc-v1",
        weights_file=tmp_path / "weights.pt",
        weights_sha256=sha256,
        device="cpu",
    )

    assert check_model(settings).weights_sha256 == sha256
