import json
import threading
from pathlib import Path

import pytest

from flows.errors import UsageError
from flows.models.store import ImportedFile, ModelStore, StoredModel
from severity.domain import MeasurementError
from severity.errors import ModelUnavailable, WrongWeights
from severity.reliability.calibration import Calibration, Margins, ScoreCalibration
from tests.builders.heads import linear_head

METRICS = {"mae": 1.0, "mae_sd": 0.1, "r": None}
MEASURED = {
    "geographic_extent": METRICS,
    "opacity": METRICS,
    "n_images": 9,
    "n_patients": 8,
    "protocol": "halves",
}
TRAINING = {
    "images": 9,
    "groups": 8,
    "images_by_label": {"readers": 9},
    "head": {"kind": "ridge", "on": "features", "chosen": {}},
    "seed": 0,
    "software": "test",
    "data_fingerprint": "ab" * 32,
    "cautions": ["few images"],
    "fitted_on": ["ab" * 8],
}


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_model_comes_back_as_it_was_added(tmp_path: Path) -> None:
    store = ModelStore(tmp_path / "not" / "made" / "yet")
    model = StoredModel(linear_head(), "a paper", "CC BY", (ImportedFile("head.json", "ab" * 32),))

    assert store.names() == []
    assert store.add(model) is True
    stored = store.read("mine-v1")

    assert store.names() == ["mine-v1"]
    assert stored.head.sha256 == model.head.sha256
    assert (stored.source, stored.licence, stored.files) == (
        model.source,
        model.licence,
        model.files,
    )


def test_the_same_head_again_changes_nothing_and_another_is_refused(tmp_path: Path) -> None:
    store = ModelStore(tmp_path)
    store.add(StoredModel(linear_head(), "first"))
    before = files(tmp_path)

    assert store.add(StoredModel(linear_head(), "second")) is False
    with pytest.raises(UsageError, match="another model is named mine-v1"):
        store.add(StoredModel(linear_head(slope=0.6)))

    assert files(tmp_path) == before
    assert [path.name for path in tmp_path.iterdir()] == ["mine-v1"]


def test_of_several_imports_at_once_one_adds_and_none_mixes(tmp_path: Path) -> None:
    store = ModelStore(tmp_path)
    start = threading.Barrier(8)
    outcomes: list[object] = []

    def add(slope: float) -> None:
        start.wait()
        try:
            outcomes.append(store.add(StoredModel(linear_head(slope=slope))))
        except UsageError:
            outcomes.append("taken")

    threads = [threading.Thread(target=add, args=(number % 2 + 1,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(map(str, outcomes)) == ["False"] * 3 + ["True"] + ["taken"] * 4
    assert [path.name for path in tmp_path.iterdir()] == ["mine-v1"]
    store.read("mine-v1")


def test_what_a_killed_import_left_is_no_model(tmp_path: Path) -> None:
    store = ModelStore(tmp_path)
    (tmp_path / ".mine-v1.0a1b2c3d").mkdir()

    assert store.names() == []
    assert store.add(StoredModel(linear_head())) is True


@pytest.mark.parametrize("name", ["absent", "../models", "", "."])
def test_a_model_that_is_not_there_is_reported(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelUnavailable, match="is imported or was trained"):
        ModelStore(tmp_path).read(name)


def test_a_model_that_was_changed_is_refused_and_never_replaced(tmp_path: Path) -> None:
    store = ModelStore(tmp_path)
    store.add(StoredModel(linear_head(name="other")))
    for file, content in [
        ("head.safetensors", b""),
        ("head.safetensors", (tmp_path / "other/head.safetensors").read_bytes()),
        ("head.safetensors", None),
        ("model.json", b"{}"),
        ("model.json", b"\xff"),
        ("model.json", b'{"head_sha256": 1}'),
        ("model.json", b"[" * 200_000),
        ("model.json", None),
    ]:
        store.add(StoredModel(linear_head()))
        changed = tmp_path / "mine-v1" / file
        whole = changed.read_bytes()
        if content is None:
            changed.unlink()
        else:
            changed.write_bytes(content)
        with pytest.raises(WrongWeights, match=r"mine-v1 is broken .* delete that folder"):
            store.read("mine-v1")
        with pytest.raises(WrongWeights, match="is broken"):
            store.add(StoredModel(linear_head()))
        changed.write_bytes(whole)


def test_a_folder_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(ModelUnavailable, match="mine-v1 cannot be kept"):
        ModelStore(tmp_path / "file").add(StoredModel(linear_head()))


def test_calibration_and_training_come_back_and_a_changed_calibration_is_refused(
    tmp_path: Path,
) -> None:
    margins = Margins((0.0, 8.0), (1.0, 1.5), (0.5, 1.0))
    calibration = ScoreCalibration(margins, MeasurementError(None, None))
    model = StoredModel(
        linear_head(),
        weights_sha256="ab" * 32,
        measured=MEASURED,
        training=TRAINING,
        calibration=Calibration(calibration, calibration),
    )
    store = ModelStore(tmp_path)
    store.add(model)

    stored = store.read("mine-v1")

    assert stored.calibration == model.calibration
    assert (stored.weights_sha256, stored.measured, stored.training) == (
        "ab" * 32,
        MEASURED,
        TRAINING,
    )
    with pytest.raises(UsageError, match="another calibration"):
        store.add(StoredModel(linear_head(), weights_sha256="ab" * 32))
    file = tmp_path / "mine-v1/calibration.json"
    whole = file.read_text()
    file.write_text(whole.replace("1.5", "1.0"))
    with pytest.raises(WrongWeights, match="another calibration"):
        store.read("mine-v1")
    standard_error = {"points": 1, "interval": {"low": 0, "high": 2}, "degrees": float("inf")}
    for broken in (
        whole.replace('"repeats": null', f'"repeats": {json.dumps(standard_error)}'),
        json.dumps({"format": 1, "geographic_extent": {"margins": []}, "opacity": {}}),
        "[" * 200_000,
    ):
        file.write_text(broken)
        with pytest.raises(WrongWeights, match="not a calibration"):
            store.read("mine-v1")


@pytest.mark.parametrize(
    ("record", "entry", "value"),
    [
        ("measured", "opacity", None),
        ("measured", "opacity", {"mae": "small", "r": 0.5}),
        ("measured", "opacity", {"mae": 10**400, "r": 0.5}),
        ("measured", "n_images", "nine"),
        ("measured", "protocol", None),
        ("training", "head", {"kind": "ridge"}),
        ("training", "images_by_label", [9]),
        ("training", "cautions", [1]),
        ("training", "fitted_on", 1),
    ],
)
def test_a_record_of_a_fit_that_cannot_be_shown_is_refused(
    tmp_path: Path, record: str, entry: str, value: object
) -> None:
    """Else one changed folder would keep all models from being listed."""
    store = ModelStore(tmp_path)
    store.add(StoredModel(linear_head(), measured=MEASURED, training=TRAINING))
    file = tmp_path / "mine-v1/model.json"
    origin = json.loads(file.read_text())
    origin[record][entry] = value
    file.write_text(json.dumps(origin))

    with pytest.raises(WrongWeights, match=f"{record}.{entry}"):
        store.read("mine-v1")
