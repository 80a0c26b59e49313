"""The commands on treatments and groups: import them, list a patient's, remove a wrong one."""

import shlex
import sys
from collections.abc import Callable
from pathlib import Path

import click

from db import events
from db.corrections import Author
from db.engine import Transaction
from db.reading import patients
from flows.cli.corrections.correcting import (
    author_options,
    confirm,
    confirm_change,
    correcting,
    who_option,
)
from flows.cli.exit_codes import ATTENTION
from flows.cli.options import (
    chosen_resources,
    issuer_option,
    json_option,
    known_patient_key,
    patient_key,
)
from flows.cli.paths import NamedPath
from flows.cli.terminal import terminal
from flows.errors import UsageError
from flows.events.importing import TreatmentImport
from flows.events.reading import records
from flows.events.record import Naming, WrongRecord, check_source
from flows.reports import plain_json
from flows.reports.events_text import events_table, import_text
from flows.resources import Resources

event_argument = click.argument("event_id", metavar="ID", type=click.IntRange(1))


@click.command()
@click.argument("file", type=NamedPath(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--source",
    default="import",
    show_default=True,
    help="Name of the system that FILE is from. The same events under another name are others.",
)
@issuer_option
@click.option(
    "--identifier-system",
    default="",
    metavar="URL",
    help="Which identifier of a FHIR Patient the images carry, if there are several.",
)
@json_option
@who_option
def import_command(file: Path, *, source: str, as_json: bool, who: str, **names: str) -> None:
    """Import treatments and groups from FILE: CSV, or a FHIR R4 Bundle (.json).

    Patients are named as the images name them; no identifier is stored. The same import again
    changes nothing; a changed end is recorded. Ends with 3 if lines were left out.
    """
    try:
        check_source(source)
    except WrongRecord as wrong:
        raise UsageError(f"--source is no name of a system: {wrong}") from None
    with chosen_resources() as resources:
        resources.open_database()  # before the file is read, which may take long
        author = Author(who, f"import from {source}")
        treatments = TreatmentImport(resources, author, source)
        report = treatments.store(records(file, _naming(resources, **names)))
    click.echo(
        plain_json(report) if as_json else import_text(report.events, report.groups, report.refused)
    )
    if report.refused:
        sys.exit(ATTENTION)


@click.command()
@click.argument("patient")
@issuer_option
@json_option
def list_command(patient: str, *, issuer: str, as_json: bool) -> None:
    """List PATIENT's treatments and groups, with the IDs that `remove` takes.

    PATIENT is the hospital's identifier, or a key p-1a2b... Removed ones are marked.
    """
    with chosen_resources() as resources, resources.read_database().transaction() as session:
        key = known_patient_key(resources, session, patient, issuer)
        stored = events.of_patient(session, key)
        groups = patients.groups(session, key)
    if as_json:
        click.echo(plain_json({"events": stored, "groups": groups}))
        return
    terminal().print(events_table(stored, groups))


@click.command()
@event_argument
@author_options
def remove_command(event_id: int, **author: str) -> None:
    """Take the event ID out of all that shows treatments; imports do not bring it back."""
    with correcting(**author) as correction:
        changed = events.remove(correction.session, correction.author, event_id)
    if changed:
        confirm(f"Event {event_id} counts no longer", undo=f"events restore {event_id}")
    else:
        confirm("Nothing changed: it is removed already")


@click.command()
@event_argument
@author_options
def restore_command(event_id: int, **author: str) -> None:
    """Let the event ID count again, after it was removed."""
    with correcting(**author) as correction:
        changed = events.restore(correction.session, correction.author, event_id)
    if changed:
        confirm(f"Event {event_id} counts again", undo=f"events remove {event_id}")
    else:
        confirm("Nothing changed: it counts already")


@click.command()
@click.argument("patient")
@click.argument("name")
@issuer_option
@author_options
def remove_group_command(patient: str, name: str, *, issuer: str, **author: str) -> None:
    """Take PATIENT out of the group of this NAME, such as arm; no import brings it back.

    PATIENT is the hospital's identifier, or a key p-1a2b...
    """
    key, changed = _change_group(events.remove_group, patient, name, issuer=issuer, **author)
    undo = f"events restore-group {key} {shlex.quote(name)}"
    confirm_change(changed, f"{key} is in no group {name} any longer", undo=undo)


@click.command()
@click.argument("patient")
@click.argument("name")
@issuer_option
@author_options
def restore_group_command(patient: str, name: str, *, issuer: str, **author: str) -> None:
    """Let PATIENT be in the removed group of this NAME again, as it was imported.

    PATIENT is the hospital's identifier, or a key p-1a2b...
    """
    key, changed = _change_group(events.restore_group, patient, name, issuer=issuer, **author)
    undo = f"events remove-group {key} {shlex.quote(name)}"
    confirm_change(changed, f"{key} is in the group {name} again", undo=undo)


def _change_group(
    change: Callable[[Transaction, Author, str, str], bool],
    patient: str,
    name: str,
    *,
    issuer: str,
    **author: str,
) -> tuple[str, bool]:
    """Return the patient's key, and whether something changed."""
    with correcting(**author) as correction:
        key = correction.patient_key(patient, issuer)
        return key, change(correction.session, correction.author, key, name)


def _naming(resources: Resources, *, issuer: str, identifier_system: str) -> Naming:
    def pseudonym(patient: str, its_issuer: str) -> str:
        return patient_key(resources, patient, its_issuer)

    return Naming(pseudonym, resources.settings.zone, issuer, identifier_system)
