"""Check at little cost that the model that the settings name can be loaded later."""

from flows.models.catalogue import describe, expected_version
from flows.models.weights_download import check_weights_file, published_weights
from flows.settings import Settings
from severity.domain import ModelVersion
from severity.models.bundled import load_bundled_backbone


def check_model(settings: Settings) -> ModelVersion:
    """Download published weights that are not here, and check the hash of those that are.

    No network is compiled: that takes seconds, and memory for as long as a service runs.

    Returns
    -------
    The version that the model will have.

    Raises
    ------
    ModelUnavailable
        There is no such model, or its weights cannot be downloaded.
    WrongWeights
        The weights do not have the expected hash.
    """
    model = describe(settings.model, settings)
    weights = model.weights
    if weights.bundled:
        # Reads and checks its files, which takes a fraction of a second; compiles nothing.
        load_bundled_backbone(model.bundled_network)
    elif weights.sha256 and weights.file is None:
        published_weights(
            cache=settings.home / "weights", file=None, url=weights.url, sha256=weights.sha256
        )
    return expected_version(model, settings)


def are_weights_here(settings: Settings) -> bool:
    """Return whether the weights of the model are on this machine, their hash checked.

    Nothing is downloaded, and no network is compiled.

    Raises
    ------
    ModelUnavailable
        There is no such model, or the weights cannot be read.
    WrongWeights
        They do not have the expected hash.
    """
    model = describe(settings.model, settings)
    weights = model.weights
    if weights.bundled:
        load_bundled_backbone(model.bundled_network)
        return True
    if weights.file is None:
        return False
    check_weights_file(weights.file, weights.sha256)
    return True
