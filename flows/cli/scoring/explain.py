"""The command that shows how a file is read."""

import sys
from pathlib import Path

import click

from flows.cli.exit_codes import FAILURE
from flows.cli.options import chosen_settings, json_option
from flows.cli.paths import NamedPath
from flows.cli.terminal import terminal
from flows.reports import explanation_json, explanation_table
from flows.scoring.explaining import explain, write_image


@click.command()
@click.argument("file", type=NamedPath(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--image",
    metavar="PNG",
    type=NamedPath(dir_okay=False, path_type=Path),
    help="Also write the image that the network sees to this new file.",
)
@json_option
def explain_command(file: Path, *, image: Path | None, as_json: bool) -> None:
    """Show what is read of FILE, what decided it, and why it is rejected or flagged.

    No network and no database is used. The image is the network's input: 224 x 224 pixels, before
    the bundled networks standardise it.

    Ends with exit code 1 if the file is rejected.
    """
    explained = explain(file, chosen_settings())
    if image is not None and explained.seen is not None:
        write_image(explained.seen, image)
    if as_json:
        click.echo(explanation_json(explained.explanation))
    else:
        terminal().print(explanation_table(explained.explanation))
    if explained.seen is None:
        sys.exit(FAILURE)
