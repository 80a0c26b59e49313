"""Models and their verification as a person reads them, and as JSON for programs."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from flows.models.catalogue import KnownModel
from flows.models.store import FITTED_ON
from severity.domain import RESEARCH_USE_ONLY, ModelVersion, Scale
from severity.evaluation.published_predictions import TOLERANCE, Comparison, Verdict

_NOTHING = "-"
_PUBLISHED_BY = "txrv-cidc-v1"


@dataclass(frozen=True)
class ListedModel:
    """A model, its version where it can be loaded here, and else the problem."""

    name: str
    known: KnownModel | None
    version: ModelVersion | None
    problem: str = ""


def models_table(models: Sequence[ListedModel]) -> RenderableType:
    """List models, one a line, and below what is wrong with any."""
    table = Table(box=box.SIMPLE_HEAD)
    for name in ("model", "backbone", "head", "extent", "opacity", "precision", "weights"):
        table.add_column(name, overflow="fold")
    table.add_column("model version", overflow="fold")
    for one in models:
        table.add_row(*(Text(cell) for cell in _cells(one)))
    problems = [Text(f"{one.name}: {one.problem}", "yellow") for one in models if one.problem]
    return Group(table, *problems, Text(RESEARCH_USE_ONLY))


def _cells(one: ListedModel) -> tuple[str, ...]:
    if one.known is None:
        return (one.name, *[_NOTHING] * 7)
    return (
        one.name,
        one.known.backbone,
        one.known.head,
        _scale_text(one.known.geographic_extent),
        _scale_text(one.known.opacity),
        one.version.precision if one.version else _NOTHING,
        "present" if one.known.weights.present else "absent",
        one.version.key if one.version else _NOTHING,
    )


def _scale_text(scale: Scale) -> str:
    return f"{scale.lowest:g}-{scale.highest:g}"


def model_table(one: ListedModel) -> RenderableType:
    """Show everything that is known of one model."""
    table = Table(box=None, show_header=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in _facts(one).items():
        table.add_row(name, Text(value))
    return Group(table, Text(RESEARCH_USE_ONLY))


def _facts(one: ListedModel) -> dict[str, str]:
    known, version = one.known, one.version
    if known is None:
        return {"model": one.name, "problem": one.problem}
    weights = known.weights
    place = "in the package" if weights.bundled else str(weights.file or "not on this machine")
    facts = {
        "model": f"{one.name} ({_origin(known)})",
        "model version": version.key if version else _NOTHING,
        "backbone": known.backbone,
        "head": known.head,
        "geographic extent": f"{_scale_text(known.geographic_extent)} points",
        "opacity": f"{_scale_text(known.opacity)} points",
        "preprocessing": version.preprocessing if version else _NOTHING,
        "precision": version.precision if version else _NOTHING,
        "weights": place,
        "weights from": weights.url,
        "weights SHA-256": weights.sha256 or "nobody reports one: set SEVERITY_WEIGHTS_SHA256",
        "head SHA-256": version.head_sha256 if version else known.head_sha256,
        "source": known.source,
        "licence": known.licence,
        **{f"from {file.name}": f"SHA-256 {file.sha256}" for file in known.files},
        **_measured(known),
        **_training(known),
        "problem": one.problem,
    }
    return {name: value for name, value in facts.items() if value}


def _measured(known: KnownModel) -> dict[str, str]:
    measured = known.measured
    if not measured:
        return {}
    lines = {
        f"measured, {score.replace('_', ' ')}": errors_text(measured[score])
        for score in ("geographic_extent", "opacity")
    }
    images = f"{measured['n_images']} images of {measured['n_patients']} groups of patients"
    return lines | {"measured on": f"{images}; {measured['protocol']}"}


def errors_text(one: Mapping[str, Any]) -> str:
    """Say how large a score's errors are; a dash is not defined."""
    mae, mae_sd, r, r_sd = (
        _NOTHING if one[name] is None else f"{one[name]:.2f}"
        for name in ("mae", "mae_sd", "r", "r_sd")
    )
    return f"mean absolute error {mae} ± {mae_sd} points, r {r} ± {r_sd}"


def _origin(known: KnownModel) -> str:
    if not known.imported:
        return "built in"
    return "trained here" if known.training else "imported"


def _training(known: KnownModel) -> dict[str, str]:
    training = known.training
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
        **{f"caution {number}": one for number, one in enumerate(training["cautions"], start=1)},
    }


def models_json(models: Sequence[ListedModel]) -> str:
    """Write models for programs."""
    document = {"notice": RESEARCH_USE_ONLY, "models": [_model_document(one) for one in models]}
    return json.dumps(document, indent=2)


def model_json(one: ListedModel) -> str:
    """Write one model for programs."""
    return json.dumps({"notice": RESEARCH_USE_ONLY, **_model_document(one)}, indent=2)


def _model_document(one: ListedModel) -> dict[str, object]:
    """Give what is known of one model as plain values."""
    document: dict[str, object] = {"name": one.name}
    if one.known is not None:
        weights = asdict(one.known.weights)
        weights |= {"file": str(weights["file"] or ""), "present": one.known.weights.present}
        document |= asdict(one.known) | {"weights": weights}
        # Thousands of hashes that `evaluate` needs tell a reader nothing.
        document["training"] = {k: v for k, v in one.known.training.items() if k != FITTED_ON}
    version = asdict(one.version) | {"key": one.version.key} if one.version else None
    return document | {"version": version, "problem": one.problem}


def verdict_table(version: ModelVersion, verdict: Verdict) -> RenderableType:
    """Show each published number beside ours, and what they say together."""
    table = Table(box=box.SIMPLE_HEAD, title=f"Model version {version.key}", title_justify="left")
    for name in ("film", "published in", "score"):
        table.add_column(name, overflow="fold")
    for name in ("published", "here", "difference"):
        table.add_column(name, justify="right")
    table.add_column("", overflow="fold")
    for one in verdict.comparisons:
        style = "" if one.agrees else "dim" if one.points is None else "red"
        table.add_row(*(Text(cell) for cell in _comparison_cells(one)), style=style)
    return Group(table, *(Text(line) for line in _verdict_lines(version, verdict)))


def _comparison_cells(one: Comparison) -> tuple[str, ...]:
    published = one.published
    row = (published.image, str(published.origin), published.score, f"{published.points:.4g}")
    if one.points is None:
        why = f"rejected: {one.reason}" if one.reason else "the image is missing"
        return (*row, _NOTHING, _NOTHING, why)
    far = "" if one.agrees else f"beyond {TOLERANCE}"
    return (*row, f"{one.points:.3f}", f"{one.difference:+.3f}", far)


def _verdict_lines(version: ModelVersion, verdict: Verdict) -> list[str]:
    """Say what all differences say together."""
    agreeing = sum(one.agrees for one in verdict.compared)
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
        f"{version.key} gives the published predictions."
        if verdict.agrees
        else f"{version.key} DOES NOT give the published predictions."
    )
    return [*lines, RESEARCH_USE_ONLY]


def verdict_json(version: ModelVersion, verdict: Verdict) -> str:
    """Write a verification for programs."""
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
            asdict(one.published)
            | {"here": one.points, "difference": one.difference, "agrees": one.agrees}
            | {"reason": one.reason}
            for one in verdict.comparisons
        ],
    }
    return json.dumps(document, indent=2)
