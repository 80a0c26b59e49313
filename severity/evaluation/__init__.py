"""Evaluation of scores: splits that do not leak, feature sets, agreement with readers."""

from typing import TYPE_CHECKING

from severity.lazy_names import importing_when_asked

if TYPE_CHECKING:
    from severity.evaluation.agreement import (
        ConfidenceInterval,
        LimitsOfAgreement,
        MeanSd,
        Numbers,
        calibration_curve,
        mean_interval,
        metrics,
    )
    from severity.evaluation.auxiliary_images import AuxiliaryImages, with_auxiliary_images
    from severity.evaluation.brixia import EVIDENCE, MAPPING, as_points, global_score
    from severity.evaluation.cidc_images import among_scored_cidc
    from severity.evaluation.conformal import (
        LEAST_GROUPS_FOR_MARGINS,
        Bounds,
        Covered,
        CoveredOnHalves,
        Predicted,
        coverage_of,
        coverage_on_halves,
        margins,
        out_of_fold,
        predicted_halves,
    )
    from severity.evaluation.duplicates import SAME_IMAGE, Hash, near_duplicates, perceptual_hash
    from severity.evaluation.head_fitting import (
        Basis,
        HeadKind,
        bases,
        columns,
        expand_to_all_logits,
        fitting,
        fixed_settings,
        predicting,
        usual_basis,
    )
    from severity.evaluation.perturbations import (
        MOST_BRIGHTNESS,
        MOST_CONTRAST,
        MOST_CROPPED,
        MOST_DEGREES,
        MOST_GAMMA,
        QUALITIES,
        VERSIONS,
        Perturbation,
        versions,
    )
    from severity.evaluation.protocol import (
        LEAST_GROUPS,
        METRICS,
        Measured,
        measure,
        over_splits,
        predictions,
    )
    from severity.evaluation.published_predictions import (
        EXTENT_SCALE,
        OPACITY_SCALE,
        TOLERANCE,
        Comparison,
        Origin,
        Prediction,
        UnreadableReference,
        Verdict,
        compare,
        parse_predictions,
    )
    from severity.evaluation.regressions import Fit, fit_linear, ridge_slopes
    from severity.evaluation.repeatability import Moment, repeat_sets, standard_error
    from severity.evaluation.splits import SPLITS, groups_of
    from severity.evaluation.subgroups import FEW, UNKNOWN, Subgroup, age_group, by_level
    from severity.evaluation.systems import (
        AS_IT_IS,
        System,
        comparator,
        feature_sets,
        own_head,
        rescaled,
    )
else:
    __getattr__ = importing_when_asked(__name__)

__all__ = [
    "AS_IT_IS",
    "EVIDENCE",
    "EXTENT_SCALE",
    "FEW",
    "LEAST_GROUPS",
    "LEAST_GROUPS_FOR_MARGINS",
    "MAPPING",
    "METRICS",
    "MOST_BRIGHTNESS",
    "MOST_CONTRAST",
    "MOST_CROPPED",
    "MOST_DEGREES",
    "MOST_GAMMA",
    "OPACITY_SCALE",
    "QUALITIES",
    "SAME_IMAGE",
    "SPLITS",
    "TOLERANCE",
    "UNKNOWN",
    "VERSIONS",
    "AuxiliaryImages",
    "Basis",
    "Bounds",
    "Comparison",
    "ConfidenceInterval",
    "Covered",
    "CoveredOnHalves",
    "Fit",
    "Hash",
    "HeadKind",
    "LimitsOfAgreement",
    "MeanSd",
    "Measured",
    "Moment",
    "Numbers",
    "Origin",
    "Perturbation",
    "Predicted",
    "Prediction",
    "Subgroup",
    "System",
    "UnreadableReference",
    "Verdict",
    "age_group",
    "among_scored_cidc",
    "as_points",
    "bases",
    "by_level",
    "calibration_curve",
    "columns",
    "comparator",
    "compare",
    "coverage_of",
    "coverage_on_halves",
    "expand_to_all_logits",
    "feature_sets",
    "fit_linear",
    "fitting",
    "fixed_settings",
    "global_score",
    "groups_of",
    "margins",
    "mean_interval",
    "measure",
    "metrics",
    "near_duplicates",
    "out_of_fold",
    "over_splits",
    "own_head",
    "parse_predictions",
    "perceptual_hash",
    "predicted_halves",
    "predicting",
    "predictions",
    "repeat_sets",
    "rescaled",
    "ridge_slopes",
    "standard_error",
    "usual_basis",
    "versions",
    "with_auxiliary_images",
]
