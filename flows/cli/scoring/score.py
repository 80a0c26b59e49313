"""The command that scores single files."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console

from flows.cli.exit_codes import FAILURE
from flows.cli.options import chosen_resources, device_option, model_option, precision_option
from flows.cli.paths import NamedPath
from flows.cli.scoring.device import announce_device
from flows.cli.terminal import terminal
from flows.progress import progress_bar
from flows.reports import scores_csv, scores_json, scores_table
from flows.resources import Progress
from flows.scoring.saliency_maps import map_places
from flows.scoring.single_files import score_files
from severity.models.optional_torch import require_torch

_MANY_FILES = 32


@click.command()
@click.argument(
    "files",
    nargs=-1,
    required=True,
    metavar="FILE...",
    type=NamedPath(exists=True, dir_okay=False, path_type=Path),
)
@click.option("--json", "form", flag_value="json", help="Print JSON.")
@click.option("--csv", "form", flag_value="csv", help="Print CSV.")
@click.option(
    "--saliency",
    metavar="DIR",
    type=NamedPath(file_okay=False, path_type=Path),
    help="Also write each image's saliency map, as a picture and an array, to this folder.",
)
@model_option
@precision_option
@device_option
def score_command(
    files: tuple[Path, ...],
    *,
    form: str | None,
    saliency: Path | None,
    **engine: str | None,
) -> None:
    """Score single FILEs without a database; nothing is stored.

    With --saliency, FILE's map goes to NAME.saliency.png and NAME.saliency.npy in DIR, where
    NAME is FILE's name without its ending; files of one name are numbered. An existing
    map is never replaced.

    Ends with exit code 1 if any file was rejected.
    """
    if saliency:
        require_torch("--saliency")
    with chosen_resources(**engine) as opened, _bar(files, form) as progress:
        announce_device(opened.settings)
        resources = opened.reporting_to(progress)
        version = resources.load_model().version
        maps = map_places(files, saliency) if saliency else None
        results = score_files(files, resources, maps=maps)
    match form:
        case "json":
            click.echo(scores_json(results, version), nl=False)
        case "csv":
            click.echo(scores_csv(results, version), nl=False)
        case _:
            terminal().print(scores_table(results, version))
    if any(result.score is None for result in results):
        sys.exit(FAILURE)


@contextmanager
def _bar(files: Sequence[Path], form: str | None) -> Iterator[Progress]:
    """Show a bar to a person who waits for many files; a program that reads gets none."""
    is_read = form is not None and not sys.stdout.isatty()
    if is_read or not sys.stderr.isatty() or len(files) < _MANY_FILES:
        yield Progress()
        return
    with progress_bar(Console(stderr=True), "Loading the model") as progress:
        progress.waiting(len(files))
        yield progress
