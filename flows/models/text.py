"""Models and their verification as text: tables for a person, JSON for programs."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from flows.models.catalogue import ModelDescription
from flows.models.fit_record import FITTED_ON
from severity.domain import RESEARCH_USE_ONLY, ModelVersion, Scale
from severity.evaluation.published_predictions import TOLERANCE, Comparison, Verdict

_NOTHING = "-"
_PUBLISHED_BY = "txrv-cidc-v1"


@dataclass(frozen=True)
class ListedModel:
    """A model with its description and version, as far as they are known, or the problem."""

    name: str
    description: ModelDescription | None
    version: ModelVersion | None
    problem: str = ""


def models_table(models: Sequence[ListedModel]) -> RenderableType:
    """Return a table of models, one a line, with their problems below."""
    table = Table(box=box.SIMPLE_HEAD)
    for name in ("model", "backbone", "head", "extent", "opacity", "precision", "weights"):
        table.add_column(name, overflow="fold")
    table.add_column("model version", overflow="fold")
    for model in models:
        table.add_row(*(Text(cell) for cell in _cells(model)))
    problems = [
        Text(f"{model.name}: {model.problem}", "yellow") for model in models if model.problem
    ]
    return Group(table, *problems, Text(RESEARCH_USE_ONLY))


def _cells(model: ListedModel) -> tuple[str, ...]:
    description, version = model.description, model.version
    if description is None:
        return (model.name, *[_NOTHING] * 7)
    return (
        model.name,
        description.backbone,
        description.head,
        _scale_text(description.geographic_extent),
        _scale_text(description.opacity),
        version.precision if version else _NOTHING,
        "present" if description.weights.present else "absent",
        version.key if version else _NOTHING,
    )


def _scale_text(scale: Scale) -> str:
    return f"{scale.lowest:g}-{scale.highest:g}"


def model_table(model: ListedModel) -> RenderableType:
    """Return a table of all that is known of one model."""
    table = Table(box=None, show_header=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in model_facts(model).items():
        table.add_row(name, Text(value))
    return Group(table, Text(RESEARCH_USE_ONLY))


def model_facts(model: ListedModel) -> dict[str, str]:
    """Return what is known of one model, in words by name; nothing that is empty."""
    description, version = model.description, model.version
    if description is None:
        return {"model": model.name, "problem": model.problem}
    weights = description.weights
    place = "in the package" if weights.bundled else str(weights.file or "not on this machine")
    facts = {
        "model": f"{model.name} ({_origin(description)})",
        "model version": version.key if version else _NOTHING,
        "backbone": description.backbone,
        "head": description.head,
        "geographic extent": f"{_scale_text(description.geographic_extent)} points",
        "opacity": f"{_scale_text(description.opacity)} points",
        "preprocessing": version.preprocessing if version else _NOTHING,
        "precision": version.precision if version else _NOTHING,
        "weights": place,
        "weights from": weights.url,
        "weights SHA-256": weights.sha256 or "unknown: set SEVERITY_WEIGHTS_SHA256",
        "head SHA-256": version.head_sha256 if version else description.head_sha256,
        "source": description.source,
        "licence": description.licence,
        **{f"from {file.name}": f"SHA-256 {file.sha256}" for file in description.files},
        **_measured(description),
        **_training(description),
        "problem": model.problem,
    }
    return {name: value for name, value in facts.items() if value}


def _measured(description: ModelDescription) -> dict[str, str]:
    measured = description.measured
    if not measured:
        return {}
    lines = {
        f"measured, {score.replace('_', ' ')}": errors_text(measured[score])
        for score in ("geographic_extent", "opacity")
    }
    images = f"{measured['n_images']} images of {measured['n_patients']} groups of patients"
    return lines | {"measured on": f"{images}; {measured['protocol']}"}


def errors_text(metrics: Mapping[str, Any]) -> str:
    """Write a score's errors in words, with their spread over splits if there were any.

    A dash means not defined.
    """
    mae, r = (_with_spread(metrics, name) for name in ("mae", "r"))
    return f"mean absolute error {mae} points, r {r}"


def _with_spread(metrics: Mapping[str, Any], name: str) -> str:
    numbers = [metrics[key] for key in (name, f"{name}_sd") if key in metrics]
    return " ± ".join(_NOTHING if number is None else f"{number:.2f}" for number in numbers)


def _origin(description: ModelDescription) -> str:
    if not description.imported:
        return "built in"
    return "trained here" if description.training else "imported"


def _training(description: ModelDescription) -> dict[str, str]:
    training = description.training
    if not training:
        return {}
    head = training["head"]
    labels = ", ".join(f"{count} {kind}" for kind, count in training["images_by_label"].items())
    return {
        "fitted on": f"{training['images']} images of {training['groups']} groups of patients "
        f"({labels})",
        "fitted as": f"{head['kind']} on {head['on']}, seed {training['seed']}: "
        f"{json.dumps(head['chosen'])}",
        "fitted by": training["software"],
        "data fingerprint": training["data_fingerprint"],
        **{f"caution {number}": text for number, text in enumerate(training["cautions"], start=1)},
    }


def models_json(models: Sequence[ListedModel]) -> str:
    """Return models as JSON."""
    document = {"notice": RESEARCH_USE_ONLY, "models": [_model_document(model) for model in models]}
    return json.dumps(document, indent=2)


def model_json(model: ListedModel) -> str:
    """Return one model as JSON."""
    return json.dumps({"notice": RESEARCH_USE_ONLY, **_model_document(model)}, indent=2)


def _model_document(model: ListedModel) -> dict[str, object]:
    """Return all that is known of one model as values for JSON."""
    document: dict[str, object] = {"name": model.name}
    description = model.description
    if description is not None:
        weights = asdict(description.weights)
        weights |= {"file": str(weights["file"] or ""), "present": description.weights.present}
        document |= asdict(description) | {"weights": weights}
        # `evaluate` needs these thousands of hashes; a reader does not.
        document["training"] = {k: v for k, v in description.training.items() if k != FITTED_ON}
    version = asdict(model.version) | {"key": model.version.key} if model.version else None
    return document | {"version": version, "problem": model.problem}


def verdict_table(version: ModelVersion, verdict: Verdict) -> RenderableType:
    """Return a table of published numbers and ours, with their differences and the verdict."""
    table = Table(box=box.SIMPLE_HEAD, title=f"Model version {version.key}", title_justify="left")
    for name in ("image", "published in", "score"):
        table.add_column(name, overflow="fold")
    for name in ("published", "here", "difference"):
        table.add_column(name, justify="right")
    table.add_column("", overflow="fold")
    for comparison in verdict.comparisons:
        style = "" if comparison.agrees else "dim" if comparison.points is None else "red"
        table.add_row(*(Text(cell) for cell in _comparison_cells(comparison)), style=style)
    return Group(table, *(Text(line) for line in _verdict_lines(version, verdict)))


def _comparison_cells(comparison: Comparison) -> tuple[str, ...]:
    published, points = comparison.published, comparison.points
    row = (published.image, str(published.origin), published.score, f"{published.points:.4g}")
    if points is None:
        note = f"rejected: {comparison.reason}" if comparison.reason else "the image is missing"
        return (*row, _NOTHING, _NOTHING, note)
    note = "" if comparison.agrees else f"beyond {TOLERANCE}"
    return (*row, f"{points:.3f}", f"{comparison.difference:+.3f}", note)


def _verdict_lines(version: ModelVersion, verdict: Verdict) -> list[str]:
    """Sum up all differences in sentences."""
    agreeing = sum(comparison.agrees for comparison in verdict.compared)
    compared = f"{len(verdict.compared)} of {len(verdict.comparisons)} published numbers compared"
    missing, rejected = len(verdict.images_missing), len(verdict.images_rejected)
    lines = [f"{compared}; images missing: {missing}, rejected: {rejected}."]
    if verdict.largest is not None:
        lines.append(
            f"Difference: {verdict.largest:.3f} points at most, {verdict.mean:.3f} on average; "
            f"{agreeing} within {TOLERANCE}, {len(verdict.compared) - agreeing} beyond."
        )
    if version.name != _PUBLISHED_BY:
        lines.append(f"The numbers were published for {_PUBLISHED_BY}: {version.name} is another.")
    lines.append(
        f"{version.key} reproduces the published predictions."
        if verdict.agrees
        else f"{version.key} DOES NOT reproduce the published predictions."
    )
    return [*lines, RESEARCH_USE_ONLY]


def verdict_json(version: ModelVersion, verdict: Verdict) -> str:
    """Return a verification as JSON."""
    document = {
        "notice": RESEARCH_USE_ONLY,
        "model_version": version.key,
        "published_by": _PUBLISHED_BY,
        "tolerance": TOLERANCE,
        "agrees": verdict.agrees,
        "compared": len(verdict.compared),
        "largest_difference": verdict.largest,
        "mean_difference": verdict.mean,
        "images_missing": verdict.images_missing,
        "images_rejected": verdict.images_rejected,
        "numbers": [
            asdict(comparison.published)
            | {
                "here": comparison.points,
                "difference": comparison.difference,
                "agrees": comparison.agrees,
                "reason": comparison.reason,
            }
            for comparison in verdict.comparisons
        ],
    }
    return json.dumps(document, indent=2)
