"""Loading the model that the settings name, and the device that it runs on."""

from flows.models.catalogue import stored, weights_of
from flows.models.weights_download import published_weights
from flows.settings import Settings
from severity.errors import ModelUnavailable
from severity.gpus import gpus
from severity.models.backbone import Precision
from severity.models.bundled import load_bundled, load_bundled_backbone, load_on_bundled
from severity.models.bundled_cards import BUNDLED
from severity.models.feature_extractor import FeatureExtractor
from severity.models.optional_torch import require_torch, torch_installed
from severity.models.scoring_model import Placement, ScoringModel
from severity.models.torchxrayvision_weights import weight_set


def load_model(settings: Settings) -> ScoringModel:
    """Load exactly the model that is named; there is no fallback to another.

    Raises
    ------
    ModelUnavailable
        There is no such model or device, or the weights are absent or wrong.
    NeedsTorch
        The model or the device runs on torch, which is not installed.
    """
    placement = _placement(settings)
    if settings.model in BUNDLED:
        return load_bundled(settings.model, placement)
    model = stored(settings.model, settings)
    head, calibration = model.head, model.calibration
    weights = weights_of(head.backbone, settings, pinned=model.weights_sha256)
    if weights.bundled:
        return load_on_bundled(head, placement, sha256=weights.sha256, calibration=calibration)
    require_torch(f"the model {settings.model}")
    # Imported here: torchxrayvision takes seconds, and the bundled models do without.
    from severity.models.torchxrayvision import load_published  # noqa: PLC0415

    return load_published(
        _published(head.backbone, settings, sha256=weights.sha256),
        head,
        weight_set(head.backbone),
        sha256=weights.sha256,
        placement=placement,
        calibration=calibration,
    )


def load_feature_extractor(name: str, settings: Settings) -> FeatureExtractor:
    """Load one of `severity.models.backbone_catalogue.BACKBONES` without a head, in fp32.

    Raises
    ------
    ModelUnavailable
        There is no such backbone or device, or the weights are absent or wrong.
    """
    placement = _placement(settings)
    if name in BUNDLED:
        network, sha256 = load_bundled_backbone(name)
        return FeatureExtractor.placed(name, sha256, network, placement)
    require_torch(f"the backbone {name}")
    from severity.models import torchxrayvision  # noqa: PLC0415

    published, sha256 = weight_set(name), weights_of(name, settings).sha256
    content = _published(name, settings, sha256=sha256)
    backbone = torchxrayvision.load_published_backbone(content, published, sha256=sha256)
    return FeatureExtractor.placed(name, sha256, backbone, placement)


def _placement(settings: Settings) -> Placement:
    return Placement(device(settings), Precision(settings.precision), settings.streams)


def _published(name: str, settings: Settings, *, sha256: str) -> bytes:
    """Return the content of a published weight set, downloaded once if it must be."""
    published = weight_set(name)
    if not sha256:
        raise ModelUnavailable(
            f"the checksum of {published.file} is unknown: compute the SHA-256 of a copy that "
            "you trust and set SEVERITY_WEIGHTS_SHA256 to it"
        )
    return published_weights(
        cache=settings.home / "weights",
        file=settings.weights_file,
        url=str(settings.weights_url or published.url),
        sha256=sha256,
    )


def device(settings: Settings) -> str:
    """Choose the device that the settings name; ``auto`` takes a GPU if there is one.

    Raises
    ------
    ModelUnavailable
        There is no such device.
    NeedsTorch
        A GPU is asked for, and torch is not installed.
    """
    if settings.device == "cpu":
        return "cpu"
    if settings.device == "auto":
        # torch takes seconds to load: it is asked only where the driver has a GPU to offer.
        return "cuda" if gpus() and torch_installed() and _cuda_devices() else "cpu"
    require_torch(f"--device {settings.device}")
    devices = _cuda_devices()
    if int(settings.device.partition(":")[2] or 0) >= devices:
        raise ModelUnavailable(
            f"there is no {settings.device}: this machine has {devices} CUDA devices; "
            "use --device cpu"
        )
    return settings.device


def _cuda_devices() -> int:
    from severity.models.runtimes.gpu_runtime import cuda_devices  # noqa: PLC0415 - loads torch

    return cuda_devices()
