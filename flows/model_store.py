"""Where imported models live: one folder each, below ``models`` in the home folder.

``NAME/head.safetensors`` is the head, ``NAME/model.json`` says where it came from. A folder has
its name only when it is whole, and is never changed afterwards.
"""

import json
import os
import secrets
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from severity.domain import RESEARCH_USE_ONLY
from severity.errors import ModelUnavailable, WrongWeights
from severity.head_files import LARGEST_BYTES, from_safetensors, to_safetensors
from severity.heads import NAME, Head

_HEAD, _ORIGIN = "head.safetensors", "model.json"


class NameTaken(Exception):
    """Another model has this name, and scores may have been made by it."""


@dataclass(frozen=True)
class ImportedFile:
    """A file that a head was read from."""

    name: str
    sha256: str


@dataclass(frozen=True)
class StoredModel:
    """A head and where it came from."""

    head: Head
    source: str = ""
    licence: str = ""
    files: tuple[ImportedFile, ...] = ()


@dataclass(frozen=True)
class ModelStore:
    """The imported models in one folder, which need not exist."""

    folder: Path

    def names(self) -> list[str]:
        """List the imported models, whole or broken."""
        if not self.folder.is_dir():
            return []
        return sorted(one.name for one in self.folder.iterdir() if NAME.fullmatch(one.name))

    def read(self, name: str) -> StoredModel:
        """Read one model.

        Raises
        ------
        ModelUnavailable
            There is none of that name.
        WrongWeights
            Its folder is not as it was written.
        """
        if name not in self.names():
            raise ModelUnavailable(f"no model {name!r} is imported")
        folder = self.folder / name
        try:
            return _read(folder)
        except (WrongWeights, OSError, LookupError, TypeError, ValueError) as error:
            raise WrongWeights(
                f"the model in {folder} is broken ({error}): delete that folder and import it again"
            ) from error

    def add(self, model: StoredModel) -> bool:
        """Keep a model, whole or not at all; return False if it was there already.

        Raises
        ------
        NameTaken
            Another head has its name.
        WrongWeights
            What has its name is broken.
        ModelUnavailable
            The folder cannot be written.
        """
        name = model.head.name
        draft = self.folder / f".{name}.{secrets.token_hex(4)}"
        try:
            if name in self.names():
                return self._refuse_another(model)
            draft.mkdir(parents=True)
            _write(draft / _HEAD, to_safetensors(model.head))
            _write(draft / _ORIGIN, _origin(model))
            try:
                draft.rename(self.folder / name)
            except OSError:
                if name not in self.names():
                    raise
                return self._refuse_another(model)  # imported by another process meanwhile
        except OSError as error:
            raise ModelUnavailable(f"{name} cannot be kept in {self.folder}: {error}") from error
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        return True

    def _refuse_another(self, model: StoredModel) -> bool:
        name, there = model.head.name, self.read(model.head.name).head.sha256
        if there != model.head.sha256:
            raise NameTaken(
                f"another model is named {name}: its head is {there[:12]}, this one "
                f"{model.head.sha256[:12]}; give another --name"
            )
        return False


def _read(folder: Path) -> StoredModel:
    for file in (folder / _HEAD, folder / _ORIGIN):
        if file.stat().st_size > LARGEST_BYTES:
            raise WrongWeights(f"{file.name} is larger than {LARGEST_BYTES} bytes")
    head = from_safetensors((folder / _HEAD).read_bytes())
    origin = json.loads((folder / _ORIGIN).read_text(encoding="utf-8"))
    if head.name != folder.name or head.sha256 != origin["head_sha256"]:
        raise WrongWeights(f"{_HEAD} holds another head")
    return StoredModel(
        head=head,
        source=str(origin["source"]),
        licence=str(origin["licence"]),
        files=tuple(ImportedFile(str(one["name"]), str(one["sha256"])) for one in origin["files"]),
    )


def _origin(model: StoredModel) -> bytes:
    origin = {
        "name": model.head.name,
        "backbone": model.head.backbone,
        "head_sha256": model.head.sha256,
        "source": model.source,
        "licence": model.licence,
        "files": [asdict(one) for one in model.files],
        "notice": RESEARCH_USE_ONLY,
    }
    return (json.dumps(origin, indent=2, ensure_ascii=False) + "\n").encode()


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())  # a power cut must not leave the final name without content
