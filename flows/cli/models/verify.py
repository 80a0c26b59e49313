"""The command that verifies an installation."""

import sys
from pathlib import Path

import click

from flows.cli.exit_codes import FAILURE
from flows.cli.models.catalogue import json_option
from flows.cli.options import check_name
from flows.cli.paths import NamedPath
from flows.cli.terminal import terminal
from flows.evaluation.verification import verify
from flows.models.text import verdict_json, verdict_table
from flows.settings import read_settings
from severity.heads.published import LINEAR_NAME


@click.command()
@click.option(
    "--model", "name", default=LINEAR_NAME, show_default=True, help="The model to verify."
)
@click.option(
    "--data",
    required=True,
    type=NamedPath(exists=True, file_okay=False, path_type=Path),
    help="Folder with cidc/images and reference.",
)
@json_option
def verify_command(name: str, data: Path, *, as_json: bool) -> None:
    """Recompute the predictions that the authors published, and report each difference.

    A site proves its installation by it: weights, preprocessing and arithmetic. Missing images
    are counted and left out. Ends with exit code 1 if any number is off by
    more than 0.02 points, if an image was rejected, or if nothing could be compared.
    """
    settings = read_settings()
    check_name(name, settings)
    scored_by, verdict = verify(name, settings, data)
    if as_json:
        click.echo(verdict_json(scored_by, verdict))
    else:
        terminal().print(verdict_table(scored_by, verdict))
    if not verdict.agrees:
        sys.exit(FAILURE)
