"""The errors of single scores in a report: coverage of intervals, and measurement error."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from flows.evaluation.comparison import EXTENT, OPACITY, Evaluation
from flows.evaluation.repeatability import ALL, RepeatabilityRow
from flows.evaluation.tables import markdown, number
from severity.domain import MeasurementError, StandardError
from severity.evaluation.conformal import LEAST_GROUPS_FOR_MARGINS, Covered, CoveredOnHalves
from severity.evaluation.perturbations import (
    MOST_BRIGHTNESS,
    MOST_CONTRAST,
    MOST_CROPPED,
    MOST_DEGREES,
    MOST_GAMMA,
    QUALITIES,
)
from severity.evaluation.subgroups import FEW
from severity.evaluation.systems import AS_IT_IS
from severity.reliability.calibration import COVERAGE

COVERAGE_PICTURE = "prediction-intervals.png"
_INTERVALS, _MEASUREMENT_ERROR = "Prediction intervals", "Measurement error of change"
_INTERVAL_COLUMNS = ("system", "score", "predicted", "images", "hold the readers", "mean width")
_REPEATABILITY_COLUMNS = (
    "what differs",
    "images",
    "score",
    "standard error [95 %]",
    "smallest detectable change [95 %]",
    "",
)
_HOW_INTERVALS = (
    f"Meant to hold the readers' mean for {COVERAGE:.0%} of images of new patients. A refitted "
    "system's margins come from out-of-fold residuals of one half (each patient counts once) and "
    "are counted on the other: mean ± sd over splits, images per split. The model's own intervals "
    "are counted as shipped, with a 95 % interval from draws of patients. Widths in points."
)
_HOW_REPEATABILITY = (
    "In points of the model's scales, of scores as they are shown. Images of one patient within 24 "
    "hours (of one day or of two days in a row where no hour is known) may show true change; "
    f"copies of one exposure are left out. Perturbed: rotated by up to {MOST_DEGREES:g}°, up to "
    f"{MOST_CROPPED:.0%} cut from each edge, gamma 1/{MOST_GAMMA:g} to {MOST_GAMMA:g}, contrast "
    f"± {MOST_CONTRAST:.0%} and brightness ± {MOST_BRIGHTNESS:.0%}, JPEG quality {QUALITIES[0]} to "
    f"{QUALITIES[1]}. The smallest detectable change is what test-retest error alone exceeds in "
    "5 % of pairs: 1.96 x √2 x the standard error. The intervals assume that the error is normal "
    "and the same in all images."
)


def errors_markdown(evaluation: Evaluation, *, pictures: bool = False) -> list[str]:
    """Return both sections, optionally with the report's picture of coverage; no image is named."""
    coverage = list(_interval_cells(evaluation))
    repeatability = list(_repeatability_cells(evaluation))
    picture = f"![What intervals hold, by predicted score]({COVERAGE_PICTURE})"
    return [
        f"## {_INTERVALS}",
        _HOW_INTERVALS,
        *([picture] if coverage and pictures else []),
        *([markdown(_INTERVAL_COLUMNS, coverage)] if coverage else []),
        *_interval_notes(evaluation),
        f"## {_MEASUREMENT_ERROR}",
        _HOW_REPEATABILITY,
        *([markdown(_REPEATABILITY_COLUMNS, repeatability)] if repeatability else []),
        *_error_notes(evaluation),
    ]


def _interval_notes(evaluation: Evaluation) -> list[str]:
    """List what limits the numbers on intervals."""
    systems = {coverage.system for coverage in evaluation.intervals}
    lines = []
    if not systems - {AS_IT_IS}:
        lines.append(
            f"A half has too few patients to fit margins: {LEAST_GROUPS_FOR_MARGINS} are the least "
            f"from which {COVERAGE:.0%} can be promised."
        )
    if AS_IT_IS not in systems:
        lines.append("The model has no calibration: its scores carry no intervals.")
    elif caution := evaluation.caution(AS_IT_IS):
        lines.append(
            f'"{AS_IT_IS}" ({caution}): what its intervals hold here is more than on others.'
        )
    return lines


def _error_notes(evaluation: Evaluation) -> list[str]:
    """List the smallest detectable changes, and what was not measured."""
    repeatability = evaluation.repeatability
    lines = [repeatability.note] if repeatability.note else []
    if not any(row.images for row in repeatability.repeats) and not repeatability.note:
        lines.append("None of these images repeats another one within 24 hours.")
    if not repeatability.perturbations:
        lines.append("No image was perturbed.")
    changes = [
        f"{score} {change:.2f}"
        for score, error in zip((EXTENT, OPACITY), repeatability.errors, strict=True)
        if (change := error.smallest_detectable_change) is not None
    ]
    if changes:
        lines.append(
            "Smallest detectable change, by the larger of images within 24 hours and "
            f"{ALL}: {', '.join(changes)} points."
        )
    return lines


def _interval_cells(evaluation: Evaluation) -> Iterator[tuple[str, ...]]:
    for coverage in evaluation.intervals:
        caution = evaluation.caution(coverage.system)
        name = coverage.system + (f" ({caution})" if caution else "")
        for place, row in enumerate(coverage.rows):
            predicted = f"{row.low:g} to {row.high:g}" if place else "all"
            yield name, coverage.score, predicted, f"{row.images:.3g}", *_coverage_and_width(row)


def _coverage_and_width(row: Covered | CoveredOnHalves) -> tuple[str, str]:
    if isinstance(row, Covered):
        share = row.share
        return f"{share.value:.2f} [{share.low:.2f}, {share.high:.2f}]", f"{row.width:.1f}"
    width = row.width
    return f"{row.share.mean:.2f} ± {row.share.sd:.2f}", f"{width.mean:.1f} ± {width.sd:.1f}"


def interval_rows(evaluation: Evaluation) -> list[dict[str, object]]:
    """Return one row for each system, score and range, for programs."""
    return [
        {
            "system": coverage.system,
            "caution": evaluation.caution(coverage.system),
            "score": coverage.score,
            "range": "part" if place else "all",
            "lowest": row.low,
            "highest": row.high,
            "images": round(row.images, 2),
            **_numbers(row),
        }
        for coverage in evaluation.intervals
        for place, row in enumerate(coverage.rows)
    ]


def _numbers(row: Covered | CoveredOnHalves) -> dict[str, float | None]:
    """Return coverage and width; one counted directly has an interval, one over splits an sd."""
    if isinstance(row, Covered):
        share = row.share
        return {
            "coverage": number(share.value),
            "coverage_low": number(share.low),
            "coverage_high": number(share.high),
            "coverage_sd": None,
            "width": number(row.width),
            "width_sd": None,
        }
    return {
        "coverage": number(row.share.mean),
        "coverage_low": None,
        "coverage_high": None,
        "coverage_sd": number(row.share.sd),
        "width": number(row.width.mean),
        "width_sd": number(row.width.sd),
    }


def _repeatability_of(
    evaluation: Evaluation,
) -> Iterator[tuple[str, RepeatabilityRow, str, StandardError]]:
    """Yield each estimate with its source and score."""
    repeatability = evaluation.repeatability
    for source, rows in (
        ("repeats", repeatability.repeats),
        ("perturbations", repeatability.perturbations),
    ):
        for row in rows:
            for score, error in zip((EXTENT, OPACITY), row.errors, strict=True):
                if error is not None:
                    yield source, row, score, error


def _repeatability_cells(evaluation: Evaluation) -> Iterator[tuple[str, ...]]:
    for _, row, score, error in _repeatability_of(evaluation):
        change, low, high = _changes(error)
        yield (
            row.name,
            str(row.images),
            score,
            f"{error.points:.2f} [{error.interval.low:.2f}, {error.interval.high:.2f}]",
            f"{change:.2f} [{low:.2f}, {high:.2f}]",
            _caution(error),
        )


def _caution(error: StandardError) -> str:
    if error.degrees >= FEW:
        return ""
    return f"caution: {error.degrees} degrees of freedom, fewer than {FEW}"


def _changes(error: StandardError) -> Sequence[float]:
    """Return the smallest detectable changes by a standard error and the ends of its interval."""
    ends = (error.points, error.interval.low, error.interval.high)
    changes = [
        MeasurementError(replace(error, points=end), None).smallest_detectable_change
        for end in ends
    ]
    return [change for change in changes if change is not None]


def repeatability_rows(evaluation: Evaluation) -> list[dict[str, object]]:
    """Return one row for each estimate of measurement error and each score, for programs."""
    rows: list[dict[str, object]] = []
    for source, row, score, error in _repeatability_of(evaluation):
        change, low, high = _changes(error)
        rows.append(
            {
                "source": source,
                "what": row.name,
                "score": score,
                "images": row.images,
                "degrees": error.degrees,
                "standard_error": number(error.points),
                "standard_error_low": number(error.interval.low),
                "standard_error_high": number(error.interval.high),
                "smallest_detectable_change": number(change),
                "smallest_detectable_change_low": number(low),
                "smallest_detectable_change_high": number(high),
                "caution": _caution(error),
            }
        )
    return rows


def print_errors(evaluation: Evaluation, console: Console) -> None:
    """Print both sections for a person."""
    sections = (
        (
            _INTERVALS,
            _INTERVAL_COLUMNS,
            list(_interval_cells(evaluation)),
            _interval_notes(evaluation),
        ),
        (
            _MEASUREMENT_ERROR,
            _REPEATABILITY_COLUMNS,
            list(_repeatability_cells(evaluation)),
            _error_notes(evaluation),
        ),
    )
    for title, columns, rows, lines in sections:
        table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left")
        for column in columns:
            table.add_column(column)
        for cells in rows:
            table.add_row(*(Text(cell) for cell in cells))
        console.print(table if rows else Text(title, style="italic"))
        for line in lines:
            console.print(Text(line))
