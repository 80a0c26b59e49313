"""Whether the model that the settings name can be loaded later, found out at little cost."""

import hashlib

from flows.models.catalogue import expected_version, known
from flows.models.weights_download import published_weights
from flows.settings import Settings
from severity.domain import ModelVersion
from severity.errors import WrongWeights
from severity.models.bundled_cards import BUNDLED, bundled_file


def check_model(settings: Settings) -> ModelVersion:
    """Fetch published weights that are not here, and check the hash of those that are.

    No network is made of them: that takes seconds, and memory for as long as a service runs.

    Returns
    -------
    The version that the model will have.

    Raises
    ------
    ModelUnavailable
        There is no such model, or its weights cannot be fetched.
    WrongWeights
        The weights are others than they must be.
    """
    model = known(settings.model, settings)
    weights = model.weights
    if weights.bundled:
        _check_bundled(model.name if model.name in BUNDLED else model.backbone, weights.sha256)
    elif weights.sha256 and weights.file is None:
        published_weights(
            cache=settings.home / "weights", file=None, url=weights.url, sha256=weights.sha256
        )
    return expected_version(model, settings)


def _check_bundled(name: str, sha256: str) -> None:
    with bundled_file(name, "safetensors").open("rb") as file:
        actual = hashlib.sha256(file.read()).hexdigest()
    if actual != sha256:
        raise WrongWeights(
            f"the weights of {name} have SHA-256 {actual}, not {sha256}: reinstall the package"
        )
