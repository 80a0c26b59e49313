"""The command that exports tables for analysis."""

from pathlib import Path
from typing import Unpack

import click

from flows.cli.exports.options import (
    SelectionOptions,
    folder_argument,
    selected,
    selection_options,
)
from flows.cli.options import chosen_resources
from flows.exports.tables import DICTIONARY, Format, export_tables


@click.command()
@folder_argument
@click.option(
    "--format",
    "written_as",
    type=click.Choice([written_as.value for written_as in Format]),
    default=Format.CSV.value,
    show_default=True,
    help="What the tables are written as.",
)
@selection_options
def tables_command(folder: Path, *, written_as: str, **options: Unpack[SelectionOptions]) -> None:
    """Write films, courses, responses and groups into FOLDER, as CSV or Parquet.

    FOLDER must be new or empty. dictionary.csv says what each column contains. Patients are named
    by their pseudonyms. Films that were withdrawn are in films, with their standing.
    """
    with chosen_resources() as resources:
        database, chosen = selected(resources, options)
        rows = export_tables(database, chosen, folder, Format(written_as))
    counts = ", ".join(f"{count} {table}" for table, count in rows.items())
    click.echo(f"{counts} of {chosen.model_version} are in {folder}; see {DICTIONARY}")
