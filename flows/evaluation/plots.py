"""Agreement as a picture: Bland-Altman and calibration, for either score."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from flows.evaluation.comparison import Evaluation
from severity.domain import RESEARCH_USE_ONLY, Scale
from severity.evaluation.agreement import LimitsOfAgreement, Numbers, calibration_curve

_COLOURS = ("#b2182b", "#2166ac")
_GREY, _THIN = "0.35", 1


def draw_agreement(evaluation: Evaluation, name: str, path: Path) -> None:
    """Draw a system's averaged predictions against the readers' scores into a PNG.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    figure = Figure(figsize=(10, 9), layout="constrained")
    rows = figure.subplots(2, 2)
    result = evaluation.result(name)
    for axes, colour, (score, measured) in zip(
        rows, _COLOURS, result.measured.items(), strict=True
    ):
        there = np.isfinite(measured.predicted)
        predicted, observed = measured.predicted[there], evaluation.observed[score][there]
        scale = evaluation.scales[score]
        _bland_altman(axes[0], predicted, observed, limits=measured.limits)
        _calibration(axes[1], predicted, observed, scale=scale)
        for one in axes:
            one.collections[0].set_color(colour)
            one.set_title(f"{score}, {scale.lowest:g} to {scale.highest:g} points", fontsize=11)
            one.spines[["top", "right"]].set_visible(False)
    caution = evaluation.caution(name)
    figure.suptitle(
        f"{name}{f': {caution}'.upper() if caution else ''}\n{evaluation.version.key}: "
        f"{len(evaluation.films)} films of {len(set(evaluation.groups))} groups of patients",
        fontsize=11,
        color="#b2182b" if caution else "black",
    )
    kind = "mean of the splits that did not fit on the film" if result.fitted else "no fitting"
    figure.supxlabel(f"Predictions: {kind}. {RESEARCH_USE_ONLY}", fontsize=8, color="0.35")
    figure.savefig(path, dpi=120, metadata={"Software": None})


def _bland_altman(
    axes: Axes, predicted: Numbers, observed: Numbers, *, limits: LimitsOfAgreement
) -> None:
    axes.scatter((predicted + observed) / 2, predicted - observed, s=22, alpha=0.6, linewidths=0)
    axes.axhline(0, color="0.85", linewidth=1, zorder=0)
    lines = (("+1.96 sd", limits.high), ("bias", limits.bias), ("-1.96 sd", limits.low))
    for words, height in lines:
        axes.axhline(
            height, linestyle="-" if words == "bias" else "--", color=_GREY, linewidth=_THIN
        )
        axes.annotate(
            f"{words} {height:+.2f}", (1, height), xycoords=("axes fraction", "data"),
            xytext=(-2, 3), textcoords="offset points", ha="right", fontsize=9, color="0.2",
        )  # fmt: skip
    axes.set_xlabel("mean of prediction and readers, points")
    axes.set_ylabel("prediction less readers, points")


def _calibration(axes: Axes, predicted: Numbers, observed: Numbers, *, scale: Scale) -> None:
    found = calibration_curve(predicted, observed)
    axes.scatter(predicted, observed, s=22, alpha=0.35, linewidths=0)
    ends = np.array([scale.lowest, scale.highest])
    axes.plot(ends, ends, linestyle=":", label="ideal", color=_GREY, linewidth=_THIN)
    axes.plot(
        found.predicted, found.observed, marker="o", color="black", linewidth=1.5,
        label="means of fifths of the films",
    )  # fmt: skip
    axes.plot(
        ends, found.intercept + found.slope * ends, linestyle="--",
        label=f"readers = {found.intercept:.2f} + {found.slope:.2f} x prediction",
        color=_GREY, linewidth=_THIN,
    )  # fmt: skip
    room = 0.03 * (scale.highest - scale.lowest)
    axes.set_xlim(scale.lowest - room, scale.highest + room)
    axes.set_ylim(scale.lowest - room, scale.highest + room)
    axes.set_xlabel("prediction, points")
    axes.set_ylabel("readers, points")
    axes.legend(fontsize=8, frameon=False, loc="upper left")
