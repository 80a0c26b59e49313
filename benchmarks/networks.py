"""The networks as plain torch modules, as their authors run them.

They bypass the product's engine on purpose: the engine is measured against them.
"""

from pathlib import Path

import torch
from safetensors.torch import load
from torch import Tensor, nn

from benchmarks.jobs import BenchmarkError, Job
from severity.models.architectures.efficientnet_lite import FEATURES, MirrorAveraged
from severity.models.bundled_cards import bundled_file

PUBLISHED = "txrv-cidc-v1"
COMPACT = "compact-2"
MODELS = (PUBLISHED, COMPACT)

_COUNTER = "num_batches_tracked"  # of the training; not stored


def network(job: Job) -> nn.Module:
    """Load a model's network in fp32.

    Returns
    -------
    A module from (N, 1, 224, 224) on [-1024, 1024] to (N, 18) logits for the published model, or
    to (N, 2) points for the compact one.
    """
    # fp32 on a GPU means fp32: no shorter mantissa behind its back.
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    module = _published(Path(job.weights.file)) if job.model == PUBLISHED else _compact(job.model)
    module.requires_grad_(requires_grad=False)
    return module.eval().to(torch.device(job.device))


def _published(file: Path) -> nn.Module:
    # Imported here: it takes seconds, which a process that measures another network need not pay.
    from torchxrayvision.models import DenseNet  # noqa: PLC0415

    densenet = DenseNet(weights="densenet121-res224-all", cache_dir=str(file.parent))
    densenet.op_threshs = None  # raw logits, as the authors use them
    module: nn.Module = densenet
    return module


class _Compact(nn.Module):
    """The compact backbone with its linear head."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = MirrorAveraged()
        self.head = nn.Linear(FEATURES, 2)

    def forward(self, images: Tensor) -> Tensor:
        points: Tensor = self.head(self.backbone(images))
        return points


def _compact(name: str) -> nn.Module:
    module = _Compact()
    stored = load(bundled_file(name, "safetensors").read_bytes())
    tensors = {_module_key(key): value for key, value in stored.items()}
    missing = module.load_state_dict(tensors, strict=False).missing_keys
    if not all(key.endswith(_COUNTER) for key in missing):
        raise BenchmarkError(f"the weights of {name} lack {', '.join(missing)}")
    return module


def _module_key(key: str) -> str:
    """Return a stored tensor's name in the module, whose backbone contains another one."""
    return f"backbone.{key}" if key.startswith("backbone.") else key
