"""Loading the model that the settings name, and the device that it runs on."""

import torch

from flows.settings import Settings
from flows.weights import published_weights
from severity.compact import load_bundled
from severity.errors import ModelUnavailable
from severity.models import ScoringModel

PUBLISHED = "txrv-cidc-v1"


def load_model(settings: Settings) -> ScoringModel:
    """Load exactly the model that is named; there is no fallback to another.

    Raises
    ------
    ModelUnavailable
        The weights are absent or wrong, or there is no such device.
    """
    device = _device(settings.device)
    if settings.model == PUBLISHED:
        # Imported here: torchxrayvision takes seconds, and the other model does without.
        from severity.txrv import PUBLISHED_WEIGHTS, load_published  # noqa: PLC0415

        sha256 = settings.weights_sha256 or PUBLISHED_WEIGHTS.sha256
        content = published_weights(
            cache=settings.home / "weights",
            file=settings.weights_file,
            url=str(settings.weights_url or PUBLISHED_WEIGHTS.url),
            sha256=sha256,
        )
        return load_published(content, sha256=sha256, device=device)
    return load_bundled(settings.model, device=device)


def _device(wanted: str) -> torch.device:
    there = torch.cuda.is_available()
    if wanted == "cuda" and not there:
        raise ModelUnavailable("no CUDA device is available: use --device cpu")
    if there and wanted != "cpu":
        # The model version says fp32: no shorter mantissa behind its back.
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False
        return torch.device("cuda")
    return torch.device("cpu")
