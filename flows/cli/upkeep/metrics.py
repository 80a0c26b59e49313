"""The command that prints the metrics of a site, or writes them for a collector."""

from pathlib import Path

import click

from flows.cli.options import chosen_resources
from flows.errors import UsageError
from flows.operations.metrics import metrics_text, read_snapshot, write_textfile


@click.command()
@click.option(
    "--textfile",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Replace this file, such as node_exporter's textfile/severity.prom, instead of printing.",
)
def metrics_command(textfile: Path | None) -> None:
    """Print what Prometheus watches: counts, ages and times by stage.

    Nothing of it is of a patient. The dashboard answers the same at /metrics.
    """
    with chosen_resources() as resources:
        content = metrics_text(read_snapshot(resources), resources.settings)
    if textfile is None:
        click.echo(content.decode(), nl=False)
        return
    try:
        write_textfile(content, textfile)
    except OSError as error:
        raise UsageError(f"{textfile} cannot be written: {error.strerror}") from error
