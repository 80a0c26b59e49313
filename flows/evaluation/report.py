"""An evaluation as files and tables: Markdown, CSV, JSON, pictures."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from flows.errors import UsageError
from flows.evaluation.comparison import Evaluation
from flows.evaluation.error_sections import (
    COVERAGE_PICTURE,
    errors_markdown,
    interval_rows,
    repeatability_rows,
)
from flows.evaluation.plots import draw_agreement, draw_coverage
from flows.evaluation.tables import markdown, summary_markdown, summary_rows
from flows.reports import write_csv
from severity.domain import RESEARCH_USE_ONLY
from severity.evaluation.duplicates import SAME_IMAGE
from severity.evaluation.subgroups import FEW, Subgroup

_REPORT, TABLE, PREDICTIONS = "evaluation.md", "evaluation.csv", "predictions.csv"
_COVERAGE_TABLE, _ERROR_TABLE = "prediction_intervals.csv", "measurement_error.csv"


def prepare_folder(folder: Path) -> None:
    """Make the folder of a report before anything is computed that could not be written.

    Raises
    ------
    UsageError
        The folder cannot be made, or contains a report, which is not replaced.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{folder} cannot be made: {error.strerror}") from error
    if (folder / _REPORT).exists():
        raise UsageError(f"{folder / _REPORT} exists and is not replaced: name another folder")


def write_report(evaluation: Evaluation, folder: Path, *, command: str) -> None:
    """Write ``evaluation.md``, a CSV for each of its tables, ``predictions.csv`` and the pictures.

    Raises
    ------
    UsageError
        The folder cannot be written to.
    """
    try:
        for name in evaluation.agreement:
            draw_agreement(evaluation, name, folder / _picture_name(name))
        if evaluation.intervals:
            draw_coverage(evaluation, folder / COVERAGE_PICTURE)
        for name, rows in _tables(evaluation).items():
            _write_table(folder / name, _with_origin(rows, evaluation, command))
        _write_table(folder / PREDICTIONS, _prediction_rows(evaluation))
        (folder / _REPORT).write_text(_to_markdown(evaluation, command), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{folder} cannot be written: {error.strerror}") from error


def _picture_name(system: str) -> str:
    """Return the file name of the picture of a system's agreement."""
    return f"agreement-{re.sub(r'[^a-z0-9]+', '-', system.lower()).strip('-')}.png"


def _to_markdown(evaluation: Evaluation, command: str) -> str:
    """Return the whole report."""
    blocks = [
        f"# Evaluation of {evaluation.version.key}",
        f"**{RESEARCH_USE_ONLY}**",
        _facts(evaluation, command),
        *(f"> **{note}**" if note.startswith("WARNING") else note for note in evaluation.notes),
        _protocol(evaluation),
        summary_markdown(evaluation),
        *_left_out(evaluation),
    ]
    for name in evaluation.agreement:
        caution = evaluation.caution(name)
        blocks += [
            f"## Agreement: {name}{f' ({caution})' if caution else ''}",
            f"![Bland-Altman and calibration]({_picture_name(name)})",
            _subgroup_markdown(evaluation.subgroups(name)),
        ]
    blocks += errors_markdown(evaluation, pictures=True)
    return "\n\n".join([*blocks, RESEARCH_USE_ONLY]) + "\n"


def _facts(evaluation: Evaluation, command: str) -> str:
    return markdown(
        ("", ""),
        [
            ("model version", f"`{evaluation.version.key}`"),
            ("command", f"`{command}`"),
            ("images", str(len(evaluation.images))),
            ("groups of patients", str(len(set(evaluation.groups)))),
            ("images missing", str(len(evaluation.missing))),
            ("images rejected", str(len(evaluation.rejected))),
            ("data fingerprint", f"`{evaluation.fingerprint}`"),
        ],
    )


def _protocol(evaluation: Evaluation) -> str:
    return (
        f"{evaluation.splits} random 50/50 splits (seeds 0 to {evaluation.splits - 1}); neither a "
        "patient nor near-duplicates of an image (perceptual hash, less than "
        f"{SAME_IMAGE:.0%} of bits different) are on both sides. Fitted on one half: ridge "
        "regression on features, its strength chosen by cross-validation within that half, linear "
        "regression on outputs and on comparators; measured on the other: mean ± sd over splits, "
        "predictions clipped to the scale. The last two columns are for each image's mean over the "
        "splits that did not fit on it: MAE with its 95 % interval (bootstrap over groups of "
        "patients), and bias with 95 % limits of agreement."
    )


def _left_out(evaluation: Evaluation) -> list[str]:
    rows = [(name, "missing: no such file") for name in evaluation.missing]
    rows += [(name, f"rejected: {reason}") for name, reason in evaluation.rejected.items()]
    if not rows:
        return []
    return ["## Images that were left out", markdown(("image", "because"), rows)]


def _subgroup_markdown(subgroups: Sequence[Subgroup]) -> str:
    scores = tuple(subgroups[0].mae) if subgroups else ()
    columns = ("", "images", "groups", *(f"{score}: MAE, bias" for score in scores), "")
    rows = [
        (
            f"{subgroup.factor}: {subgroup.level}",
            str(subgroup.images),
            str(subgroup.groups),
            *(f"{subgroup.mae[score]:.2f}, {subgroup.bias[score]:+.2f}" for score in scores),
            f"caution: fewer than {FEW} images" if subgroup.few else "",
        )
        for subgroup in subgroups
    ]
    return markdown(columns, rows)


def evaluation_json(evaluation: Evaluation, command: str) -> str:
    """Return the summary as JSON for programs."""
    document = {
        "notice": RESEARCH_USE_ONLY,
        "model_version": evaluation.version.key,
        "command": command,
        "data_fingerprint": evaluation.fingerprint,
        "splits": evaluation.splits,
        "images": len(evaluation.images),
        "groups": len(set(evaluation.groups)),
        "missing": list(evaluation.missing),
        "rejected": dict(evaluation.rejected),
        "notes": list(evaluation.notes),
        "results": summary_rows(evaluation),
        "prediction_intervals": interval_rows(evaluation),
        "measurement_error": repeatability_rows(evaluation),
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _tables(evaluation: Evaluation) -> dict[str, list[dict[str, object]]]:
    """Return the rows of each table that has any, by file name."""
    tables = {
        TABLE: summary_rows(evaluation),
        _COVERAGE_TABLE: interval_rows(evaluation),
        _ERROR_TABLE: repeatability_rows(evaluation),
    }
    return {name: rows for name, rows in tables.items() if rows}


def _with_origin(
    rows: Iterable[dict[str, object]], evaluation: Evaluation, command: str
) -> Iterator[dict[str, object]]:
    for row in rows:
        yield row | {
            "model_version": evaluation.version.key,
            "data_fingerprint": evaluation.fingerprint,
            "command": command,
            "notice": RESEARCH_USE_ONLY,
        }


def _prediction_rows(evaluation: Evaluation) -> Iterator[dict[str, object]]:
    for result in evaluation.results:
        for score, measured in result.measured.items():
            for place in np.flatnonzero(np.isfinite(measured.predicted)).tolist():
                yield {
                    "image": Path(evaluation.images[place].labelled.name).name,
                    "system": result.name,
                    "score": score,
                    "observed": float(evaluation.observed[score][place]),
                    "predicted": round(float(measured.predicted[place]), 4),
                    "model_version": evaluation.version.key,
                    "notice": RESEARCH_USE_ONLY,
                }


def _write_table(path: Path, rows: Iterable[Mapping[str, object]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        write_csv(file, list(rows))
