"""The command that fits a head on labelled images."""

import asyncio
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

import click

from flows.cli.options import chosen_settings, device_option
from flows.cli.paths import NamedPath
from flows.cli.terminal import terminal
from flows.head_training.folder import TrainingRequest, train_folder
from flows.head_training.record import HeadChoice
from flows.head_training.text import left_out_lines, trained_json, trained_lines
from flows.labelled_images.folder import LabelKind
from flows.progress import watched
from flows.resources import Progress, Resources
from severity.domain import Scale
from severity.evaluation.head_fitting import Basis, HeadKind
from severity.models.backbone_catalogue import BACKBONES
from severity.models.bundled_cards import BUNDLED


class Labels(StrEnum):
    """Kinds of published labels; each has its table and its scale of opacity."""

    COHEN = "cohen"
    RALO = "ralo"
    BRIXIA = "brixia"


_OPACITY = {Labels.COHEN: Scale(0, 6), Labels.RALO: Scale(0, 8), Labels.BRIXIA: Scale(0, 6)}


@click.command()
@click.option(
    "--data",
    required=True,
    type=NamedPath(exists=True, file_okay=False, path_type=Path),
    help="Folder with the images, their scores and metadata.csv.",
)
@click.option("--name", required=True, help="The new model's name, for --model; lowercase.")
@click.option(
    "--backbone",
    type=click.Choice(BACKBONES),
    default=BUNDLED[0],
    show_default=True,
    help="The backbone that the head is fitted on.",
)
@click.option(
    "--head",
    type=click.Choice(["linear", "ridge", "mlp"]),
    default="ridge",
    show_default=True,
    help="mlp has one hidden layer.",
)
@click.option(
    "--on",
    type=click.Choice(["features", "outputs", "four-outputs", "lung-opacity"]),
    help="Features, or the backbone's findings; a linear head is on lung-opacity where there is "
    "one, any other on features.",
)
@click.option(
    "--labels",
    multiple=True,
    type=click.Choice([label.value for label in Labels]),
    default=[Labels.COHEN.value],
    show_default=True,
    help="severity_scores.csv with opacity from 0 to 6 (cohen) or 8 (ralo); brixia_scores.csv. "
    "brixia may be combined with one of the others.",
)
@click.option(
    "--opacity-scale",
    type=(float, float),
    metavar="LOW HIGH",
    help="Scale of the readers' opacity and of the head's, if it is not that of --labels.",
)
@click.option("--source", default="", help="The source of images and labels, for the record.")
@click.option("--licence", default="", help="The licence of images and labels, for the record.")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True)
@click.option(
    "--perturbed",
    type=click.IntRange(min=0),
    metavar="IMAGES",
    default=40,
    show_default=True,
    help="How many images are altered (rotated, cropped and so on) to measure the perturbation "
    "error; with 0 it stays unknown, and the model has no courses.",
)
@device_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def train_command(  # noqa: PLR0913 - one for each option
    *,
    data: Path,
    name: str,
    backbone: str,
    head: str,
    on: str | None,
    labels: tuple[str, ...],
    opacity_scale: tuple[float, float] | None,
    source: str,
    licence: str,
    seed: int,
    perturbed: int,
    device: str | None,
    as_json: bool,
) -> None:
    """Fit a head on labelled images and store it as a new model; no model is ever replaced.

    The head is fitted on all images. Its errors are measured as `evaluate` does: the same kind of
    head is fitted on 50 random halves, of patients and copies of images, and measured on the other
    halves. The model stores these numbers, its intervals, and a hash of the data. The same images
    and seed make the same head. docs/models.md explains more.
    """
    kinds, scale = _labels([Labels(label) for label in labels], opacity_scale)
    settings = chosen_settings(device=device)
    with watched(Resources(settings, Progress())) as resources:
        basis = Basis(on) if on else None
        choice = HeadChoice(name, HeadKind(head), basis, seed, source, licence)
        request = TrainingRequest(data, choice, backbone, kinds, scale, perturbed)
        trained = asyncio.run(train_folder(request, resources))
    if as_json:
        click.echo(trained_json(trained), nl=False)
        return
    console = terminal()
    for line in (*left_out_lines(trained), *trained_lines(trained)):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    console.print(f"use it with --model {name}, or SEVERITY_MODEL={name}", markup=False)


def _labels(
    labels: Sequence[Labels], opacity: tuple[float, float] | None
) -> tuple[list[LabelKind], Scale]:
    """Return the kinds of label tables to read, and the scale of opacity."""
    if Labels.COHEN in labels and Labels.RALO in labels:
        raise click.BadParameter("cohen and ralo have different scales", param_hint="--labels")
    by_readers = [label for label in labels if label != Labels.BRIXIA]
    scale = Scale(*opacity) if opacity else _OPACITY[[*by_readers, *labels][0]]
    kinds = [LabelKind.READERS] if by_readers else []
    return kinds + [LabelKind.BRIXIA] * (Labels.BRIXIA in labels), scale
