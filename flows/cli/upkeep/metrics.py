"""The command that prints the metrics of a site, or writes them for a collector."""

from pathlib import Path

import click

from db.errors import DatabaseError
from flows.cli.options import chosen_resources
from flows.cli.paths import NamedPath
from flows.errors import FlowsError, UsageError
from flows.operations.metrics import metrics_text, read_snapshot, write_textfile


@click.command()
@click.option(
    "--textfile",
    type=NamedPath(dir_okay=False, path_type=Path),
    help="Replace this file, such as node_exporter's textfile/severity.prom, instead of printing.",
)
def metrics_command(textfile: Path | None) -> None:
    """Print what Prometheus watches: counts, ages and times by stage.

    Nothing of it is of a patient. The dashboard answers the same at /metrics. Without a database
    the file says that it is away, and the command fails.
    """
    with chosen_resources() as resources:
        try:
            snapshot = read_snapshot(resources)
        except (DatabaseError, FlowsError):
            if textfile is not None:  # else it would say for ever that all is well
                _replace(textfile, metrics_text(None, resources.settings))
            raise
        content = metrics_text(snapshot, resources.settings)
    if textfile is None:
        click.echo(content.decode(), nl=False)
    else:
        _replace(textfile, content)


def _replace(textfile: Path, content: bytes) -> None:
    try:
        write_textfile(content, textfile)
    except OSError as error:
        raise UsageError(f"{textfile} cannot be written: {error.strerror}") from error
