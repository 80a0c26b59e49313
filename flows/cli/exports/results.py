"""The commands that write results for records systems, and send them there."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NotRequired, Unpack

import click
from pydantic import SecretStr

from flows.cli.exit_codes import ATTENTION
from flows.cli.exports.options import (
    SelectionOptions,
    check_place,
    new_folder_argument,
    resend_option,
    selected,
    selection_options,
    send_option,
)
from flows.cli.options import chosen_resources
from flows.errors import UsageError
from flows.exports.destinations import Destination, FhirServer, Folder, checked_url
from flows.exports.dicom.identifiers import unidentified_text
from flows.exports.identities import FilmIdentities
from flows.exports.sending import ResultExport, Written
from flows.resources import Resources


class _ResultOptions(SelectionOptions):
    send: str | None
    resends: bool
    identified: bool
    identifier_system: NotRequired[str]


_identified_option = click.option(
    "--identified",
    is_flag=True,
    help="Carry the hospital's identifiers, read again from each film; without one it is left out.",
)


@click.command()
@new_folder_argument
@selection_options
@_identified_option
@click.option(
    "--identifier-system",
    default="",
    metavar="URL",
    help="The system of the patients' identifiers, with --identified.",
)
@send_option("a folder or a FHIR server (http(s)://host/base)")
@resend_option
def fhir_command(folder: Path | None, **options: Unpack[_ResultOptions]) -> None:
    """Write each film's result into FOLDER as FHIR R4, or send what is new.

    Give FOLDER, which must be new or empty, or --send. Each file is a transaction: the scores and
    courses as Observations, with their DiagnosticReport. Patients are named by their pseudonyms.
    """
    _export(Written.FHIR, folder, options)


@click.command()
@new_folder_argument
@selection_options
@_identified_option
@send_option("a folder that another program empties")
@resend_option
def hl7_command(folder: Path | None, **options: Unpack[_ResultOptions]) -> None:
    """Write each film's result into FOLDER as HL7 v2.5.1 ORU^R01, or send what is new.

    Give FOLDER, which must be new or empty, or --send. Patients are named by their pseudonyms.
    """
    if "://" in (options["send"] or ""):
        raise UsageError("HL7 v2 is sent to a folder; for a FHIR server use `export fhir`")
    _export(Written.HL7, folder, options)


def _export(written_as: Written, folder: Path | None, options: _ResultOptions) -> None:
    send, resends = options["send"], options["resends"]
    check_place(folder, send, destination="DESTINATION", resends=resends)
    with chosen_resources() as resources:
        export = _result_export(resources, written_as, options)
        if folder is not None:
            counts = export.write(folder)
            click.echo(f"{counts.new} results are in {folder}")
        else:
            token = resources.settings.fhir_token
            with _destination(options, token) as destination:
                counts = export.send(destination)
            click.echo(
                f"sent: {counts.new} new, {counts.changed} changed, {counts.withdrawn} withdrawn; "
                f"{counts.unchanged} were there already"
            )
    if counts.unidentified:
        click.echo(f"left out: {unidentified_text(counts.unidentified)}", err=True)
        sys.exit(ATTENTION)


def _result_export(
    resources: Resources, written_as: Written, options: _ResultOptions
) -> ResultExport:
    database, chosen = selected(resources, options, sends=options["send"] is not None)
    system = options.get("identifier_system", "")
    if system and not options["identified"]:
        raise click.UsageError("--identifier-system is of identifiers: give --identified too")
    identities = FilmIdentities(resources, system) if options["identified"] else None
    export = ResultExport(database, chosen, written_as, resources.result_id, identities)
    return replace(export, resends=options["resends"])


@contextmanager
def _destination(options: _ResultOptions, token: SecretStr | None) -> Iterator[Destination]:
    """Yield the server or the folder that is named.

    Raises
    ------
    UsageError
        It is neither a folder that is there nor the URL of a server.
    """
    send = options["send"] or ""
    if "://" in send:
        secret = token.get_secret_value() if token else None
        identified = options["identified"]
        url = checked_url(send, has_token=bool(secret), is_identified=identified)
        with FhirServer(url, secret) as server:
            yield server
    elif os.path.isdir(send):  # noqa: PTH112 - of a name that is too long `Path.is_dir` raises
        yield Folder(Path(send))
    else:
        raise UsageError("the destination is no folder: make it first")
