"""The command that measures a model on labelled images."""

import asyncio
from pathlib import Path

import click

from flows.cli.options import (
    chosen_settings,
    device_option,
    model_option,
    precision_option,
)
from flows.cli.paths import NamedPath
from flows.cli.terminal import terminal
from flows.evaluation.error_sections import print_errors
from flows.evaluation.folder import EvaluationRequest, evaluate_folder
from flows.evaluation.report import evaluation_json
from flows.evaluation.tables import print_summary
from flows.progress import watched
from flows.resources import Progress, Resources
from severity.domain import Scale

_folder = NamedPath(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.option(
    "--data",
    required=True,
    type=_folder,
    help="Folder with severity_scores.csv, metadata.csv and the images.",
)
@model_option
@precision_option
@device_option
@click.option(
    "--comparators",
    type=_folder,
    help="Folder with the outputs of published systems, a CSV for each.",
)
@click.option(
    "--out",
    type=NamedPath(file_okay=False, path_type=Path),
    help="New folder for the report: Markdown, CSV and pictures. None is ever replaced.",
)
@click.option(
    "--opacity-scale",
    type=(float, float),
    metavar="LOW HIGH",
    default=(0, 6),
    show_default=True,
    help="Of the readers' opacity, in points; 0 8 for the RALO set.",
)
@click.option(
    "--perturbed",
    type=click.IntRange(min=0),
    metavar="IMAGES",
    default=40,
    show_default=True,
    help="How many images are altered (rotated, cropped, exposed, compressed), 12 times each, to "
    "measure the perturbation error.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def evaluate_command(  # noqa: PLR0913 - its options
    data: Path,
    *,
    comparators: Path | None,
    out: Path | None,
    opacity_scale: tuple[float, float],
    perturbed: int,
    as_json: bool,
    **engine: str | None,
) -> None:
    """Measure a model on labelled images, as Cohen et al. 2020 measured theirs.

    50 random halves; neither a patient nor a copy of an image is on both sides. Compares the
    backbone's features and outputs, the model's own head and published systems on the same
    splits, and shows agreement by view, sex and age, the coverage of prediction intervals, and
    the measurement error. docs/evaluation.md explains how to read the report.
    """
    lowest, highest = opacity_scale
    if not lowest < highest:
        raise click.BadParameter(
            "the first number must be the lower one", param_hint="--opacity-scale"
        )
    with watched(Resources(chosen_settings(**engine), Progress())) as resources:
        request = EvaluationRequest(data, comparators, out, Scale(lowest, highest), perturbed)
        evaluation = asyncio.run(evaluate_folder(request, resources))
    if as_json:
        click.echo(evaluation_json(evaluation, request.command(evaluation.version)), nl=False)
        return
    print_errors(evaluation, terminal())
    print_summary(evaluation, terminal())
    if out:
        click.echo(f"written to {out}")
