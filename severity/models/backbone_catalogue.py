"""The backbones that a head may be fitted on and their outputs, without loading any."""

from collections.abc import Mapping

from severity.errors import ModelUnavailable
from severity.heads.head import HeadInput
from severity.heads.published import INPUTS
from severity.models.bundled_cards import BUNDLED
from severity.models.torchxrayvision_weights import WEIGHT_SETS

BACKBONES = (*WEIGHT_SETS, *BUNDLED)
"""The published weight sets, and the backbones of the bundled models by the model's name."""

_BUNDLED_INPUTS = {HeadInput.FEATURES: 1280}


def widths(backbone: str) -> Mapping[HeadInput, int]:
    """Return how many numbers each output of a backbone has for an image.

    Raises
    ------
    ModelUnavailable
        There is no such backbone.
    """
    if backbone in BUNDLED:
        return _BUNDLED_INPUTS
    _check(backbone)
    return INPUTS


def findings(backbone: str) -> tuple[str, ...]:
    """Return the finding of each logit of a backbone, empty where there is none.

    A backbone without logits has no findings.

    Raises
    ------
    ModelUnavailable
        There is no such backbone.
    """
    if backbone in BUNDLED:
        return ()
    _check(backbone)
    return WEIGHT_SETS[backbone].findings


def _check(backbone: str) -> None:
    if backbone not in BACKBONES:
        raise ModelUnavailable(f"no backbone {backbone!r}; there is {', '.join(BACKBONES)}")
