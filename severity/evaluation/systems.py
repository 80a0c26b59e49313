"""The systems that are compared: the paper's feature sets, a model's own head, comparators."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from severity.domain import Scale
from severity.evaluation.agreement import Numbers
from severity.evaluation.regressions import (
    Fit,
    fit_linear,
    fit_mean,
    fit_nothing,
    fit_ridge,
)

FOUR_OUTPUTS = ("Lung Opacity", "Pneumonia", "Infiltration", "Consolidation")
"""As in the authors' notebook, ``xray_covid_eval.ipynb``."""

_NO_IMAGE = "no image (training mean)"
AS_IT_IS = "own head, as it is"
_LUNG_OPACITY = FOUR_OUTPUTS[0]


@dataclass(frozen=True, eq=False)
class System:
    """Something that predicts both scores.

    Attributes
    ----------
    extent, opacity
        The features that the two scores are predicted from, shape (N, F) each.
    fit
        The regression that predicts.
    included
        Shape (N,): true for the images that it has numbers for; the others are left out.
    fitted
        Whether the training half decides anything.
    of_backbone
        Whether the model's backbone computed the features.
    """

    name: str
    extent: Numbers
    opacity: Numbers
    fit: Fit
    included: NDArray[np.bool_]
    fitted: bool = True
    of_backbone: bool = False


def feature_sets(
    features: Numbers, logits: Numbers | None, findings: Sequence[str]
) -> list[System]:
    """Build the feature sets of Cohen et al. 2020 that a backbone has.

    Parameters
    ----------
    features
        Shape (N, F).
    logits
        Shape (N, L), the raw outputs; None for a backbone without.
    findings
        The name of each logit; empty where it means nothing.

    References
    ----------
    * Cohen et al. 2020, arXiv:2005.11856: features, 18 outputs, 4 outputs, "Lung Opacity",
      no data.
    """
    sets = [_system(f"all features ({features.shape[1]:,})", features, fit_ridge)]
    if logits is not None:
        named = [name for name in findings if name]
        sets.append(_outputs(f"{len(named)} outputs", logits, findings, named))
        if set(FOUR_OUTPUTS) <= set(named):
            sets.append(_outputs("4 outputs", logits, findings, FOUR_OUTPUTS))
        if _LUNG_OPACITY in named:
            sets.append(_outputs(f"{_LUNG_OPACITY} output", logits, findings, [_LUNG_OPACITY]))
    nothing = np.zeros((len(features), 1))
    return [*sets, System(_NO_IMAGE, nothing, nothing, fit_mean, np.ones(len(features), bool))]


def _outputs(name: str, logits: Numbers, findings: Sequence[str], names: Sequence[str]) -> System:
    columns = [list(findings).index(finding) for finding in names]
    return _system(name, logits[:, columns], fit_linear)


def _system(name: str, features: Numbers, fit: Fit) -> System:
    included = np.ones(len(features), bool)
    return System(name, features, features, fit, included, of_backbone=True)


def rescaled(points: Numbers, source: Scale, target: Scale) -> Numbers:
    """Map points from one scale to another, end to end."""
    stretch = (target.highest - target.lowest) / (source.highest - source.lowest)
    return (points - source.lowest) * stretch + target.lowest


def own_head(extent: Numbers, opacity: Numbers) -> System:
    """Return the system of a head that was fitted before, from its points, shape (N,) each."""
    included = np.ones(len(extent), bool)
    return System(
        AS_IT_IS,
        extent[:, None],
        opacity[:, None],
        fit_nothing,
        included,
        fitted=False,
        of_backbone=True,
    )


def comparator(name: str, extent: Numbers, opacity: Numbers) -> System:
    """Return a published system from its points, shape (N,) each; NaN where it has no number.

    Its scale is its own, so a line is fitted to it on the training half.
    """
    included = np.isfinite(extent) & np.isfinite(opacity)
    return System(name, extent[:, None], opacity[:, None], fit_linear, included)
