"""An evaluation in pictures: Bland-Altman, calibration, and coverage of prediction intervals."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from flows.evaluation.comparison import Evaluation
from flows.evaluation.intervals import IntervalCoverage
from flows.literal_text import literal
from severity.domain import RESEARCH_USE_ONLY, Scale
from severity.evaluation.agreement import (
    LimitsOfAgreement,
    Numbers,
    calibration_curve,
)
from severity.evaluation.conformal import Covered, CoveredOnHalves
from severity.reliability.calibration import COVERAGE

_COLOURS = ("#b2182b", "#2166ac")  # of extent and opacity
_SYSTEM_COLOURS = ("#2166ac", "#b2182b")
_OFFSET = 0.16  # points between the marks of two systems
_GREY, _THIN = "0.35", 1


def draw_agreement(evaluation: Evaluation, name: str, path: Path) -> None:
    """Draw a PNG of a system's averaged predictions against the readers' scores.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    figure = Figure(figsize=(10, 9), layout="constrained")
    rows = figure.subplots(2, 2)
    result = evaluation.result(name)
    for row, colour, (score, measured) in zip(rows, _COLOURS, result.measured.items(), strict=True):
        known = np.isfinite(measured.predicted)
        predicted, observed = measured.predicted[known], evaluation.observed[score][known]
        scale = evaluation.scales[score]
        _bland_altman(row[0], predicted, observed, limits=measured.limits)
        _calibration(row[1], predicted, observed, scale=scale)
        for axes in row:
            axes.collections[0].set_color(colour)
            axes.set_title(f"{score}, {scale.lowest:g} to {scale.highest:g} points", fontsize=11)
            axes.spines[["top", "right"]].set_visible(False)
    caution = evaluation.caution(name)
    figure.suptitle(
        f"{literal(name)}{f': {caution}'.upper() if caution else ''}\n{evaluation.version.key}: "
        f"{len(evaluation.images)} images of {len(set(evaluation.groups))} groups of patients",
        fontsize=11,
        color="#b2182b" if caution else "black",
    )
    kind = "mean of the splits that did not fit on the image" if result.fitted else "no fitting"
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
    curve = calibration_curve(predicted, observed)
    axes.scatter(predicted, observed, s=22, alpha=0.35, linewidths=0)
    ends = np.array([scale.lowest, scale.highest])
    axes.plot(ends, ends, linestyle=":", label="ideal", color=_GREY, linewidth=_THIN)
    axes.plot(
        curve.predicted, curve.observed, marker="o", color="black", linewidth=1.5,
        label="means of fifths of the images",
    )  # fmt: skip
    axes.plot(
        ends, curve.intercept + curve.slope * ends, linestyle="--",
        label=f"readers = {curve.intercept:.2f} + {curve.slope:.2f} x prediction",
        color=_GREY, linewidth=_THIN,
    )  # fmt: skip
    room = 0.03 * (scale.highest - scale.lowest)
    axes.set_xlim(scale.lowest - room, scale.highest + room)
    axes.set_ylim(scale.lowest - room, scale.highest + room)
    axes.set_xlabel("prediction, points")
    axes.set_ylabel("readers, points")
    axes.legend(fontsize=8, frameon=False, loc="upper left")


def draw_coverage(evaluation: Evaluation, path: Path) -> None:
    """Draw a PNG of coverage: the share of intervals that hold the readers' mean.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    figure = Figure(figsize=(10, 4.5), layout="constrained")
    systems = list(dict.fromkeys(coverage.system for coverage in evaluation.intervals))
    for axes, (score, scale) in zip(
        figure.subplots(1, 2, sharey=True), evaluation.scales.items(), strict=True
    ):
        axes.axhline(COVERAGE, linestyle="--", color="0.35", linewidth=1)
        for coverage in evaluation.intervals:
            if coverage.score == score:
                system = coverage.system
                caution = evaluation.caution(system)
                label = literal(system) + (f": {caution}".upper() if caution else "")
                _coverage(axes, coverage, label=label, place=systems.index(system))
        _finish_coverage(axes, score, scale)
    figure.supxlabel(
        "Bars: ± sd over splits of a refitted system, 95 % interval of the model as it is. "
        f"{RESEARCH_USE_ONLY}",
        fontsize=8,
        color="0.35",
    )
    figure.savefig(path, dpi=120, metadata={"Software": None})


def _coverage(axes: Axes, coverage: IntervalCoverage, *, label: str, place: int) -> None:
    """Draw the coverage in each range of predicted scores; the first row is the whole scale."""
    rows = coverage.rows[1:]
    middles = [(row.low + row.high) / 2 + place * _OFFSET for row in rows]
    shares, ends = zip(*(_share(row) for row in rows), strict=True)
    below = [share - low for share, (low, _) in zip(shares, ends, strict=True)]
    above = [high - share for share, (_, high) in zip(shares, ends, strict=True)]
    axes.errorbar(
        middles,
        shares,
        [below, above],
        fmt="o",
        capsize=3,
        label=label,
        color=_SYSTEM_COLOURS[place],
    )


def _share(row: Covered | CoveredOnHalves) -> tuple[float, tuple[float, float]]:
    if isinstance(row, Covered):
        return row.share.value, (row.share.low, row.share.high)
    mean, sd = row.share.mean, row.share.sd
    return mean, (max(mean - sd, 0), min(mean + sd, 1))


def _finish_coverage(axes: Axes, score: str, scale: Scale) -> None:
    axes.set_xlim(scale.lowest, scale.highest)
    axes.set_ylim(0, 1.03)
    axes.set_title(f"{score}, {scale.lowest:g} to {scale.highest:g} points", fontsize=11)
    axes.set_xlabel("predicted, points")
    axes.set_ylabel("share of intervals that hold the readers' mean")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(fontsize=8, frameon=False, loc="lower left")
