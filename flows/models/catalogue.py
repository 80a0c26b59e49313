"""Descriptions of all models, whether or not their weights are on this machine."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flows.models.fit_record import FITTED_ON
from flows.models.store import ImportedFile, ModelStore, StoredModel
from flows.models.weights_download import cached_weights, check_weights_file
from flows.settings import Settings
from severity.domain import ModelVersion, Scale
from severity.errors import ModelUnavailable
from severity.heads.head import Head
from severity.heads.published import LINEAR_NAME, linear_on_lung_opacity
from severity.images.preprocessing import PREPROCESSING
from severity.models import bundled_cards
from severity.models.bundled_cards import (
    BUNDLED,
    bundled_calibration,
    bundled_card,
    check_precision,
)
from severity.models.torchxrayvision_weights import weight_set
from severity.reliability.calibration import Calibration

BUILT_IN = (*BUNDLED, LINEAR_NAME)


@dataclass(frozen=True)
class Weights:
    """A backbone's weights: their expected hash, and their file, if it is on this machine."""

    sha256: str
    url: str = ""
    file: Path | None = None
    bundled: bool = False

    @property
    def present(self) -> bool:
        """Whether the weights are on this machine."""
        return self.bundled or self.file is not None


@dataclass(frozen=True)
class ModelDescription:
    """The description of one model.

    Any model that did not come with the package is ``imported``; ``training`` is the record of
    how it was fitted here. Fields that a model does not have are empty.
    """

    name: str
    imported: bool
    backbone: str
    head: str
    head_sha256: str
    geographic_extent: Scale
    opacity: Scale
    weights: Weights
    source: str
    licence: str
    files: tuple[ImportedFile, ...] = ()
    measured: Mapping[str, Any] = field(default_factory=dict)
    calibration: Calibration | None = None
    training: Mapping[str, Any] = field(default_factory=dict)

    @property
    def bundled_network(self) -> str:
        """The bundled model whose network this one runs, its own or that under its head."""
        return self.name if self.name in BUNDLED else self.backbone


def store(settings: Settings) -> ModelStore:
    """Return the store of imported and trained models of this home folder."""
    return ModelStore(settings.home / "models")


def names(settings: Settings) -> list[str]:
    """List the names of all models: built in, then those of this home folder."""
    return [*BUILT_IN, *store(settings).names()]


def stored(name: str, settings: Settings) -> StoredModel:
    """Read any model but the bundled ones, whose heads are in their weights.

    Raises
    ------
    ModelUnavailable
        There is no such model, or its folder is broken.
    """
    if name != LINEAR_NAME:
        return store(settings).read(name)
    return StoredModel(
        head=linear_on_lung_opacity(),
        source="Cohen et al. 2020, arXiv:2005.11856; github.com/mlmed/covid-severity",
        licence="head: CC BY-SA 4.0; backbone: as published by torchxrayvision. Research use only",
    )


def fitted_on(name: str, settings: Settings) -> frozenset[str] | None:
    """Return the short hashes of the images that a head was fitted on; None where none are known.

    Raises
    ------
    ModelUnavailable
        The model's folder is broken.
    """
    if name in BUNDLED:
        training = bundled_card(name)["training"]
    elif name in BUILT_IN:
        return None
    else:
        training = stored(name, settings).training
    return frozenset(training[FITTED_ON]) if FITTED_ON in training else None


def describe(name: str, settings: Settings) -> ModelDescription:
    """Describe a model without loading it.

    Raises
    ------
    ModelUnavailable
        There is no such model, or the imported one is broken.
    """
    if name in BUNDLED:
        return _bundled(name)
    model = stored(name, settings)
    head = model.head
    return ModelDescription(
        name=name,
        imported=name not in BUILT_IN,
        backbone=head.backbone,
        head=_head_text(head),
        head_sha256=head.sha256,
        geographic_extent=head.geographic_extent,
        opacity=head.opacity,
        weights=weights_of(head.backbone, settings, pinned=model.weights_sha256),
        source=model.source,
        licence=model.licence,
        files=model.files,
        measured=model.measured,
        calibration=model.calibration,
        training=model.training,
    )


def version(model: ModelDescription, settings: Settings) -> ModelVersion | None:
    """Return the model version that scores would have; None where its weights are not here.

    Raises
    ------
    ModelUnavailable
        The weights that are here are wrong, or the model is not scored in this precision.
    """
    return expected_version(model, settings) if model.weights.present else None


def expected_version(model: ModelDescription, settings: Settings) -> ModelVersion:
    """Return the model version that scores will have, without loading a network.

    Weights that are not here yet count with the hash that they must have.

    Raises
    ------
    ModelUnavailable
        The weights that are here are wrong, their expected hash is not known, or the model is
        not scored in this precision.
    """
    weights = model.weights
    if weights.bundled:
        check_precision(model.bundled_network, settings.precision)
        bundled_cards.check_weights(model.bundled_network, weights.sha256)
    elif not weights.sha256:
        raise ModelUnavailable(
            f"the checksum of {model.backbone} is unknown: set SEVERITY_WEIGHTS_SHA256 to that of "
            "a copy that you trust"
        )
    elif weights.file is not None:
        check_weights_file(weights.file, weights.sha256)
    return ModelVersion(
        name=model.name,
        weights_sha256=weights.sha256,
        head_sha256=model.head_sha256,
        preprocessing=PREPROCESSING,
        precision=settings.precision,
        geographic_extent=model.geographic_extent,
        opacity=model.opacity,
    )


def _head_text(head: Head) -> str:
    """Describe a head in a few words."""
    extent, opacity = ("-".join(map(str, widths)) for widths in head.widths)
    if all(len(chain) == 1 for chain in head.layers):
        return f"linear on {head.inputs} {head.takes}"
    return f"MLP on {head.takes}, " + (extent if extent == opacity else f"{extent} and {opacity}")


def weights_of(backbone: str, settings: Settings, *, pinned: str = "") -> Weights:
    """Return a backbone's weights, and their file if it is on this machine; download nothing.

    Parameters
    ----------
    pinned
        Hash of the weights that a head was fitted on; it works with no others.
    """
    if backbone in BUNDLED:
        return Weights(sha256=pinned or bundled_card(backbone)["weights_sha256"], bundled=True)
    published = weight_set(backbone)
    sha256 = pinned or settings.weights_sha256 or published.sha256
    file = settings.weights_file or cached_weights(settings.home / "weights", sha256)
    return Weights(
        sha256=sha256,
        url=str(settings.weights_url or published.url),
        file=file if file.is_file() else None,
    )


def _bundled(name: str) -> ModelDescription:
    card = bundled_card(name)
    return ModelDescription(
        name=name,
        imported=False,
        backbone=card["backbone"],
        head="linear on 1280 features",
        head_sha256=card["head_sha256"],
        geographic_extent=Scale(*card["scales"]["geographic_extent"]),
        opacity=Scale(*card["scales"]["opacity"]),
        weights=Weights(sha256=card["weights_sha256"], bundled=True),
        source="trained by this project (docs/model-card.md)",
        licence="Apache-2.0; its training images have licences of their own. Research use only",
        measured=card["metrics"],
        calibration=bundled_calibration(name),
    )
