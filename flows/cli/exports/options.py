"""Options of all exports: which films, by which model version, and where else they are sent."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, TypedDict, TypeVar

import click

from db.courses import due
from db.engine import Database, Transaction
from db.reading import model_versions, patients, trends
from db.reading.exports import Selection
from flows.cli.options import issuer_option, patient_key
from flows.cli.paths import NamedPath
from flows.courses.update import update_courses
from flows.errors import UsageError
from flows.resources import Resources
from severity.cores import cores

_Command = TypeVar("_Command", bound=Callable[..., Any])

new_folder_argument = click.argument(
    "folder", required=False, type=NamedPath(file_okay=False, path_type=Path)
)
folder_argument = click.argument("folder", type=NamedPath(file_okay=False, path_type=Path))


class SelectionOptions(TypedDict):
    """The values of `selection_options`, as a command receives them."""

    patient: str | None
    issuer: str
    since: datetime | None
    model: str | None


def selection_options(command: _Command) -> _Command:
    """Add the options that say which films are exported."""
    patient = click.option(
        "--patient",
        metavar="PATIENT",
        help="Only this patient: the hospital's identifier, or a key p-1a2b...; all if absent.",
    )
    since = click.option(
        "--since",
        type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"]),
        help="Only films taken then or later, in SEVERITY_TIMEZONE; films without a date are left.",
    )
    model = click.option(
        "--model",
        metavar="NAME",
        help="A model, of which the newest version is taken, or a model version; "
        "SEVERITY_MODEL if absent.",
    )
    return patient(issuer_option(since(model(command))))


def send_option(destination: str) -> Callable[[_Command], _Command]:
    """Return the option ``--send``, which takes such a destination; nothing is sent without it."""
    return click.option(
        "--send",
        metavar="DESTINATION",
        help=f"Send to {destination} what is new, changed or withdrawn there. "
        "Nothing is sent without it.",
    )


resend_option = click.option(
    "--resend",
    "resends",
    is_flag=True,
    help="Send all of the selection again and tell each withdrawn film, whatever is recorded: "
    "after `db restore`.",
)


def check_place(folder: Path | None, send: str | None, *, destination: str, resends: bool) -> None:
    """Check that there is one place for what is exported, and that what is sent again is sent.

    Raises
    ------
    UsageError
        There are both places or none, or nothing is sent.
    """
    if (folder is None) == (send is None):
        raise UsageError(f"give either FOLDER or --send {destination}")
    if resends and send is None:
        raise UsageError("--resend needs --send")


def selected(
    resources: Resources, options: SelectionOptions, *, sends: bool = False
) -> tuple[Database, Selection]:
    """Open the database, and return the films in it that a command's options name.

    What is sent rests on courses that are up to date: those of patients who are due are computed
    first. Files are written of what there is, and stderr is told whether all of it is up to date.

    Raises
    ------
    UsageError
        There is no such model version, or no patient with such a key.
    """
    # What is sent is recorded.
    database = resources.open_database() if sends else resources.read_database()
    with database.transaction() as session:
        version = _version(session, options["model"] or resources.settings.model)
        person = _person(resources, session, options, version, sends=sends)
    if sends:
        # Else a verdict that rests on a film that was withdrawn would stay there, or arrive.
        update_courses(database, connections=cores())
    else:
        _tell_due(database)
    since = options["since"]
    zoned = since and since.replace(tzinfo=resources.settings.zone)
    return database, Selection(version, person, zoned)


def _tell_due(database: Database) -> None:
    with database.transaction() as session:
        count = due.counts(session).due
    if count:
        of_patients = "1 patient" if count == 1 else f"{count} patients"
        click.echo(
            f"NOT UP TO DATE: something of {of_patients} has changed since the courses were "
            "computed; run `cxr-severity courses update` before exporting courses",
            err=True,
        )


def _person(
    resources: Resources,
    session: Transaction,
    options: SelectionOptions,
    version: str,
    *,
    sends: bool,
) -> str | None:
    if options["patient"] is None:
        return None
    key = patient_key(resources, options["patient"], options["issuer"])
    person = trends.person(session, key)
    is_scored = version in model_versions.of_patient(session, person)
    # Where all films of the patient were withdrawn, that is what there is to be sent.
    if not is_scored and not (sends and patients.not_counted(session, person)):
        raise UsageError(f"the patient has no score by {version}")
    return person


def _version(session: Transaction, name: str) -> str:
    """Return a model's newest version with that name, or the model version of that key."""
    versions = model_versions.of_model(session, name)
    if versions:
        return versions[-1]
    if name in model_versions.with_scores(session, excluding=""):
        return name
    raise UsageError(f"there is no score by a model {name!r}")
