"""From the files of a published head to a model in the store."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from flows.errors import UsageError
from flows.models.catalogue import BUILT_IN
from flows.models.store import ImportedFile, StoredModel
from severity.domain import Scale
from severity.errors import WrongWeights
from severity.heads.findings import FINDINGS
from severity.heads.head import NAME, Chain, Head, HeadInput
from severity.heads.head_files import (
    LARGEST_BYTES,
    read_linear_json,
    read_linear_npz,
    read_mlp_pickle,
)
from severity.models.backbone_catalogue import findings, widths
from severity.models.bundled_cards import BUNDLED, bundled_card

_STORABLE = Scale(0, 8)  # the points that the database can store, for either score
_PICKLES = {".pkl", ".pickle"}


@dataclass(frozen=True)
class ImportRequest:
    """The operator's description of a head; if ``takes`` is None, it follows from the width."""

    name: str
    backbone: str
    takes: HeadInput | None
    geographic_extent: Scale
    opacity: Scale
    source: str = ""
    licence: str = ""


RALO = ImportRequest(
    name="txrv-ralo-v1",
    backbone="densenet121-res224-all",
    takes=HeadInput.FEATURES,
    geographic_extent=Scale(0, 8),
    opacity=Scale(0, 8),
    source="RALO head (Stony Brook, doi:10.5281/zenodo.4633999); github.com/mlmed/covid-severity",
    licence="head: CC BY-SA 4.0; backbone: as published by torchxrayvision. Research use only",
)
"""The authors' second head: an MLP on the features, both scores from 0 to 8."""

_RALO_WIDTHS = (1024, 1000, 1)


def import_ralo(files: Sequence[Path], request: ImportRequest = RALO) -> StoredModel:
    """Read the two files of the RALO head: ``mlp_geo.pkl``, ``mlp_opa.pkl``.

    Raises
    ------
    UsageError
        There are not two files, or they are in the wrong order by their names.
    WrongWeights
        A file is not what the authors publish.
    """
    if len(files) != 2:  # noqa: PLR2004 - as the message says
        raise UsageError("the RALO head is two files: mlp_geo.pkl mlp_opa.pkl")
    if "opa" in files[0].name and "geo" in files[1].name:
        raise UsageError("the file of geographic extent comes first: mlp_geo.pkl mlp_opa.pkl")
    model = import_head(files, request)
    if model.head.widths != (_RALO_WIDTHS, _RALO_WIDTHS):
        raise WrongWeights(f"the RALO head has layers of {_RALO_WIDTHS}, not {model.head.widths}")
    return model


def import_head(files: Sequence[Path], request: ImportRequest) -> StoredModel:
    """Read a head from two pickles (extent, opacity), from one ``.json`` or one ``.npz``.

    Raises
    ------
    UsageError
        The name, the files, the scales or the inputs are not those of one head that can be used.
    WrongWeights
        A file does not hold what its name promises.
    """
    for problem in (
        name_problem(request.name),
        scale_problem(request.geographic_extent),
        scale_problem(request.opacity),
    ):
        if problem:
            raise UsageError(problem)
    contents = [_content(file) for file in files]
    layers = _layers(files, contents)
    head = Head(
        name=request.name,
        backbone=request.backbone,
        takes=_takes(layers[0][0].inputs, request),
        layers=layers,
        geographic_extent=request.geographic_extent,
        opacity=request.opacity,
    )
    _check_findings(head)
    return StoredModel(
        head=head,
        source=request.source,
        licence=request.licence,
        files=tuple(
            ImportedFile(file.name, hashlib.sha256(content).hexdigest())
            for file, content in zip(files, contents, strict=True)
        ),
        weights_sha256=_pinned(request.backbone),
    )


def name_problem(name: str) -> str:
    """Return why a name cannot be that of a new model; empty if it can."""
    if not NAME.fullmatch(name):
        return f"{name!r} is no name: lowercase letters, digits and single hyphens, 40 at most"
    return f"{name} is built in: give another --name" if name in BUILT_IN else ""


def scale_problem(scale: Scale) -> str:
    """Return why scores on a scale cannot be stored; empty if they can."""
    if _STORABLE.lowest <= scale.lowest < scale.highest <= _STORABLE.highest:
        return ""
    return (
        f"a scale from {scale.lowest:g} to {scale.highest:g}: scores are stored between "
        f"{_STORABLE.lowest:g} and {_STORABLE.highest:g} points"
    )


def _pinned(backbone: str) -> str:
    """Return the hash of bundled weights: a later release of the package may have others."""
    return str(bundled_card(backbone)["weights_sha256"]) if backbone in BUNDLED else ""


def _content(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            content = opened.read(LARGEST_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from error
    if len(content) > LARGEST_BYTES:
        raise WrongWeights(
            f"{file.name} has more than {LARGEST_BYTES} bytes: no head is that large"
        )
    return content


def _layers(files: Sequence[Path], contents: Sequence[bytes]) -> tuple[Chain, Chain]:
    match [file.suffix.lower() for file in files]:
        case [first, second] if {first, second} <= _PICKLES:
            return _pickled(files[0], contents[0]), _pickled(files[1], contents[1])
        case [".json"]:
            read = read_linear_json
        case [".npz"]:
            read = read_linear_npz
        case _:
            raise UsageError(
                "a head is two pickles (geographic extent, then opacity), one .json or one .npz"
            )
    try:
        return read(contents[0])
    except WrongWeights as error:
        raise WrongWeights(f"{files[0].name}: {error}") from error


def _pickled(file: Path, content: bytes) -> Chain:
    try:
        return read_mlp_pickle(content)
    except WrongWeights as error:
        raise WrongWeights(f"{file.name}: {error}") from error


def _check_findings(head: Head) -> None:
    """Refuse a head on a logit that its backbone was not trained for: that logit is arbitrary."""
    if head.takes is not HeadInput.LOGITS:
        return
    trained = findings(head.backbone)
    used = np.any([chain[0].weight.any(axis=1) for chain in head.layers], axis=0)
    for finding, is_trained, is_used in zip(FINDINGS, trained, used, strict=True):
        if is_used and not is_trained:
            raise UsageError(f"{head.backbone} was not trained on {finding}, which the head uses")


def _takes(inputs: int, request: ImportRequest) -> HeadInput:
    """Return the outputs of the backbone that a head of this width is fitted on."""
    outputs = widths(request.backbone)
    fitting = [output for output, width in outputs.items() if width == inputs]
    if not fitting or request.takes not in {None, *fitting}:
        available = " or ".join(f"{width} {output}" for output, width in outputs.items())
        raise UsageError(
            f"the head has {inputs} inputs; {request.backbone} has {available} as outputs"
        )
    return fitting[0]
