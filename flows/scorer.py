"""Loading the model that the settings name, and the device that it runs on."""

import torch

from flows.model_catalogue import head_named
from flows.settings import Settings
from flows.weights import published_weights
from severity.bundled import BUNDLED
from severity.compact import load_bundled
from severity.errors import ModelUnavailable
from severity.models import Placement, ScoringModel
from severity.networks import Precision
from severity.weight_sets import WeightSet, weight_set


def load_model(settings: Settings) -> ScoringModel:
    """Load exactly the model that is named; there is no fallback to another.

    Raises
    ------
    ModelUnavailable
        There is no such model or device, or the weights are absent or wrong.
    """
    placement = Placement(device(settings), Precision(settings.precision), settings.lanes)
    if settings.model in BUNDLED:
        return load_bundled(settings.model, placement)
    head = head_named(settings.model, settings)
    weights = weight_set(head.backbone)
    # Imported here: torchxrayvision takes seconds, and the bundled models do without.
    from severity.txrv import load_published  # noqa: PLC0415

    sha256 = _expected_sha256(settings, weights)
    content = published_weights(
        cache=settings.home / "weights",
        file=settings.weights_file,
        url=str(settings.weights_url or weights.url),
        sha256=sha256,
    )
    return load_published(content, head, weights, sha256=sha256, placement=placement)


def _expected_sha256(settings: Settings, weights: WeightSet) -> str:
    expected = settings.weights_sha256 or weights.sha256
    if not expected:
        raise ModelUnavailable(
            f"nobody reports a checksum of {weights.file}: compute the SHA-256 of a copy that "
            "you trust and set SEVERITY_WEIGHTS_SHA256 to it"
        )
    return expected


def device(settings: Settings) -> torch.device:
    """Choose the device that the settings name; ``auto`` takes a GPU if there is one.

    Raises
    ------
    ModelUnavailable
        There is no such device.
    """
    wanted, there = settings.device, torch.cuda.device_count()
    if wanted == "cpu" or (wanted == "auto" and not there):
        return torch.device("cpu")
    chosen = torch.device("cuda" if wanted == "auto" else wanted)
    if (chosen.index or 0) >= there:
        raise ModelUnavailable(
            f"there is no {chosen}: this machine has {there} CUDA devices; use --device cpu"
        )
    # The model version says fp32: no shorter mantissa behind its back.
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    return chosen
