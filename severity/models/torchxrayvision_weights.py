"""torchxrayvision's DenseNet-121 weight sets: where each is published, and its findings.

Repeated here from torchxrayvision (Cohen et al., ``torchxrayvision/models.py``), because
importing it takes seconds; a test compares the two.
"""

from dataclasses import dataclass

from severity.errors import ModelUnavailable
from severity.heads.findings import FINDINGS

_RELEASE = "https://github.com/mlmed/torchxrayvision/releases/download/v1/"
_SUFFIX = "densenet121-d121-tw-lr001-rot45-tr15-sc15-seed0-best.pt"

_CHEXPERT = {
    "Atelectasis",
    "Consolidation",
    "Pneumothorax",
    "Edema",
    "Effusion",
    "Pneumonia",
    "Cardiomegaly",
    "Lung Lesion",
    "Fracture",
    "Lung Opacity",
    "Enlarged Cardiomediastinum",
}
_NIH = set(FINDINGS[:14])


@dataclass(frozen=True)
class WeightSet:
    """One published file of weights.

    ``findings`` are its outputs in their order; empty where the set was not trained on a finding.
    ``sha256`` is empty where none is known.
    """

    name: str
    file: str
    findings: tuple[str, ...]
    sha256: str = ""

    @property
    def url(self) -> str:
        """Where its authors publish it."""
        return f"{_RELEASE}{self.file}"


def _weight_set(name: str, prefix: str, trained_on: set[str], *, sha256: str = "") -> WeightSet:
    findings = tuple(finding if finding in trained_on else "" for finding in FINDINGS)
    return WeightSet(f"densenet121-res224-{name}", f"{prefix}-{_SUFFIX}", findings, sha256)


WEIGHT_SETS = {
    weights.name: weights
    for weights in (
        _weight_set(
            "all",
            "nih-pc-chex-mimic_ch-google-openi-kaggle",
            set(FINDINGS),
            # Its authors publish no checksum. This one is reported by third parties who
            # downloaded the file (several public repositories agree); it was not verified by
            # this project.
            sha256="56524913dd16a906422e8d8b66a7a5c46be1d82eb7ac012d8103776f1aa68899",
        ),
        _weight_set("nih", "nih", _NIH),
        _weight_set("pc", "pc", _NIH | {"Fracture"}),
        _weight_set("chex", "chex", _CHEXPERT),
        _weight_set("rsna", "kaggle", {"Pneumonia", "Lung Opacity"}),
        _weight_set("mimic_nb", "mimic_nb", _CHEXPERT),
        _weight_set("mimic_ch", "mimic_ch", _CHEXPERT),
    )
}


def weight_set(name: str) -> WeightSet:
    """Return the weight set of this name.

    Raises
    ------
    ModelUnavailable
        There is no weight set of that name.
    """
    if name not in WEIGHT_SETS:
        raise ModelUnavailable(f"no weight set {name!r}; there is {', '.join(WEIGHT_SETS)}")
    return WEIGHT_SETS[name]
