"""The store of imported and trained models: a folder each, below ``models`` in the home folder.

``NAME/head.safetensors`` is the head, ``NAME/model.json`` its origin and training, and
``NAME/calibration.json``, of a calibrated model, its intervals and errors. A folder has
its name only when it is whole, and is never changed afterwards.
"""

import json
import os
import secrets
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from flows.errors import UsageError
from flows.models.fit_record import checked_measured, checked_training
from severity.domain import RESEARCH_USE_ONLY
from severity.errors import BROKEN_FILE, ModelUnavailable, WrongWeights
from severity.heads.head import NAME, Head
from severity.heads.head_files import LARGEST_BYTES, head_from_safetensors, head_to_safetensors
from severity.reliability.calibration import Calibration, calibration_from_json, calibration_to_json

_SHORT = 16  # hexadecimal digits, enough to tell images apart
_HEAD, _ORIGIN, _CALIBRATION = "head.safetensors", "model.json", "calibration.json"


@dataclass(frozen=True)
class ImportedFile:
    """A file that a head was read from."""

    name: str
    sha256: str


@dataclass(frozen=True)
class StoredModel:
    """A head with its origin, its measured errors and its calibration.

    Attributes
    ----------
    files
        The files that an imported head was read from.
    weights_sha256
        Hash of the weights of the backbone that the head was fitted on; empty if not known.
    measured
        The errors of a head that was fitted here, as `flows.head_training.record` writes them.
    training
        How it was fitted, as `flows.head_training.record` writes it.
    calibration
        The intervals and errors of its scores.
    """

    head: Head
    source: str = ""
    licence: str = ""
    files: tuple[ImportedFile, ...] = ()
    weights_sha256: str = ""
    measured: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    calibration: Calibration | None = None


def short_hash(sha256: str) -> str:
    """Return an image's short name in a training record, from its content's SHA-256."""
    return sha256[:_SHORT]


def short_hashes(sha256s: Iterable[str]) -> list[str]:
    """Return the short names of images, each once, in a fixed order."""
    return sorted({short_hash(sha256) for sha256 in sha256s})


@dataclass(frozen=True)
class ModelStore:
    """The models in one folder, which need not exist."""

    folder: Path

    def names(self) -> list[str]:
        """List the names of the models, whole or broken."""
        if not self.folder.is_dir():
            return []
        return sorted(path.name for path in self.folder.iterdir() if NAME.fullmatch(path.name))

    def read(self, name: str) -> StoredModel:
        """Read one model.

        Raises
        ------
        ModelUnavailable
            There is no model of that name.
        WrongWeights
            Its folder has been changed since it was written.
        """
        if name not in self.names():
            raise ModelUnavailable(f"no model {name!r} is imported or was trained here")
        folder = self.folder / name
        try:
            return _read(folder)
        except (WrongWeights, *BROKEN_FILE) as error:
            raise WrongWeights(
                f"the model in {folder} is broken ({error}): delete that folder, then import it "
                "or train it again"
            ) from error

    def add(self, model: StoredModel) -> bool:
        """Store a model, whole or not at all; return False if it was stored already.

        Raises
        ------
        UsageError
            Another head has its name.
        WrongWeights
            The stored model of its name is broken.
        ModelUnavailable
            The folder cannot be written.
        """
        name = model.head.name
        draft = self.folder / f".{name}.{secrets.token_hex(4)}"
        try:
            if name in self.names():
                return self._refuse_another(model)
            draft.mkdir(parents=True)
            _write(draft / _HEAD, head_to_safetensors(model.head))
            _write(draft / _ORIGIN, _origin(model))
            if model.calibration is not None:
                _write(draft / _CALIBRATION, calibration_to_json(model.calibration).encode())
            try:
                draft.rename(self.folder / name)
            except OSError:
                if name not in self.names():
                    raise
                return self._refuse_another(model)  # added by another process meanwhile
        except OSError as error:
            raise ModelUnavailable(f"{name} cannot be kept in {self.folder}: {error}") from error
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        return True

    def _refuse_another(self, model: StoredModel) -> bool:
        name, existing = model.head.name, self.read(model.head.name)
        if existing.head.sha256 != model.head.sha256:
            raise UsageError(
                f"another model is named {name}: its head is {existing.head.sha256[:12]}, not "
                f"{model.head.sha256[:12]}; give another --name"
            )
        existing_fit = existing.weights_sha256, existing.calibration
        if existing_fit != (model.weights_sha256, model.calibration):
            raise UsageError(
                f"another model is named {name}, on other weights or with another "
                "calibration; give another --name"
            )
        return False


def _read(folder: Path) -> StoredModel:
    head = head_from_safetensors(_content(folder / _HEAD))
    origin = json.loads(_content(folder / _ORIGIN))
    if head.name != folder.name or head.sha256 != origin["head_sha256"]:
        raise WrongWeights(f"{_HEAD} holds another head")
    return StoredModel(
        head=head,
        source=str(origin["source"]),
        licence=str(origin["licence"]),
        files=tuple(
            ImportedFile(str(file["name"]), str(file["sha256"])) for file in origin["files"]
        ),
        weights_sha256=str(origin.get("weights_sha256", "")),
        measured=checked_measured(origin.get("measured", {})),
        training=checked_training(origin.get("training", {})),
        calibration=_calibration(folder, str(origin.get("calibration_sha256", ""))),
    )


def _calibration(folder: Path, sha256: str) -> Calibration | None:
    """Read the calibration that the model was stored with; a folder is never changed later."""
    if not sha256:
        return None
    calibration = calibration_from_json(_content(folder / _CALIBRATION).decode())
    if calibration.sha256 != sha256:
        raise WrongWeights(f"{_CALIBRATION} holds another calibration")
    return calibration


def _content(file: Path) -> bytes:
    if file.stat().st_size > LARGEST_BYTES:
        raise WrongWeights(f"{file.name} is larger than {LARGEST_BYTES} bytes")
    return file.read_bytes()


def _origin(model: StoredModel) -> bytes:
    origin = {
        "name": model.head.name,
        "backbone": model.head.backbone,
        "head_sha256": model.head.sha256,
        "source": model.source,
        "licence": model.licence,
        "files": [asdict(file) for file in model.files],
        "weights_sha256": model.weights_sha256,
        "calibration_sha256": model.calibration.sha256 if model.calibration else "",
        "measured": model.measured,
        "training": model.training,
        "notice": RESEARCH_USE_ONLY,
    }
    return (json.dumps(origin, indent=2, ensure_ascii=False) + "\n").encode()


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())  # a power cut must not leave the final name without content
