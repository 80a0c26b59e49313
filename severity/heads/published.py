"""The heads that Cohen et al. published for torchxrayvision's ``densenet121-res224-all``."""

import numpy as np

from severity.domain import Scale
from severity.heads.findings import FINDINGS
from severity.heads.head import Head, HeadInput, Layer

INPUTS = {HeadInput.FEATURES: 1024, HeadInput.LOGITS: len(FINDINGS)}
"""The width of each output: how many numbers it has for an image."""

LINEAR_NAME = "txrv-cidc-v1"


def linear_on_lung_opacity() -> Head:
    """Return the head of 2020: two linear functions of the raw logit "Lung Opacity".

    Before clipping, both scores carry the same information: they are affine in one number.

    References
    ----------
    * Cohen et al. 2020, "Predicting COVID-19 Pneumonia Severity on Chest X-ray With Deep
      Learning", arXiv:2005.11856. The numbers are those of the authors' code,
      mlmed/covid-severity, ``predict_severity.py``, which later showed opacity times 8/6.
    """
    return Head(
        name=LINEAR_NAME,
        backbone="densenet121-res224-all",
        takes=HeadInput.LOGITS,
        layers=(
            (_on_lung_opacity(0.8705248236656189, 3.4137437),),
            (_on_lung_opacity(0.5484423041343689, 2.5535977),),
        ),
        geographic_extent=Scale(0, 8),
        opacity=Scale(0, 6),
    )


def _on_lung_opacity(slope: float, intercept: float) -> Layer:
    weight = np.zeros((len(FINDINGS), 1), np.float32)
    weight[FINDINGS.index("Lung Opacity")] = slope
    return Layer(weight, np.array([intercept], np.float32))
