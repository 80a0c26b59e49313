"""What prediction intervals hold, by predicted score, as a picture."""

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from flows.evaluation.comparison import Evaluation
from flows.evaluation.intervals import IntervalCoverage
from severity.domain import RESEARCH_USE_ONLY, Scale
from severity.evaluation.conformal import Covered, CoveredOnHalves
from severity.reliability.calibration import COVERAGE

_COLOURS = ("#2166ac", "#b2182b")
_BESIDE = 0.16  # points between the marks of two systems


def draw_coverage(evaluation: Evaluation, path: Path) -> None:
    """Draw the share of intervals that hold the readers' mean into a PNG.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    figure = Figure(figsize=(10, 4.5), layout="constrained")
    systems = list(dict.fromkeys(one.system for one in evaluation.intervals))
    for axes, (score, scale) in zip(
        figure.subplots(1, 2, sharey=True), evaluation.scales.items(), strict=True
    ):
        axes.axhline(COVERAGE, linestyle="--", color="0.35", linewidth=1)
        for one in evaluation.intervals:
            if one.score == score:
                caution = evaluation.caution(one.system)
                label = one.system + (f": {caution}".upper() if caution else "")
                _draw(axes, one, label=label, place=systems.index(one.system))
        _finish(axes, score, scale)
    figure.supxlabel(
        "Bars: ± sd over splits of a refitted system, 95 % interval of the model as it is. "
        f"{RESEARCH_USE_ONLY}",
        fontsize=8,
        color="0.35",
    )
    figure.savefig(path, dpi=120, metadata={"Software": None})


def _draw(axes: Axes, one: IntervalCoverage, *, label: str, place: int) -> None:
    """Draw each range of predicted scores; the first row is the whole scale."""
    rows = one.rows[1:]
    middles = [(row.low + row.high) / 2 + place * _BESIDE for row in rows]
    shares, ends = zip(*(_share(row) for row in rows), strict=True)
    below = [share - low for share, (low, _) in zip(shares, ends, strict=True)]
    above = [high - share for share, (_, high) in zip(shares, ends, strict=True)]
    axes.errorbar(
        middles, shares, [below, above], fmt="o", capsize=3, label=label, color=_COLOURS[place]
    )


def _share(row: Covered | CoveredOnHalves) -> tuple[float, tuple[float, float]]:
    if isinstance(row, Covered):
        return row.share.value, (row.share.low, row.share.high)
    mean, sd = row.share.mean, row.share.sd
    return mean, (max(mean - sd, 0), min(mean + sd, 1))


def _finish(axes: Axes, score: str, scale: Scale) -> None:
    axes.set_xlim(scale.lowest, scale.highest)
    axes.set_ylim(0, 1.03)
    axes.set_title(f"{score}, {scale.lowest:g} to {scale.highest:g} points", fontsize=11)
    axes.set_xlabel("predicted, points")
    axes.set_ylabel("share of intervals that hold the readers' mean")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(fontsize=8, frameon=False, loc="lower left")
