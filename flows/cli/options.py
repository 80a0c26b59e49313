"""Options that several commands share, and the settings and resources that follow from them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import click

from db.engine import Transaction
from db.reading import patients, trends
from flows.cli.paths import NamedLocation
from flows.errors import InboxError, UsageError
from flows.models.catalogue import names
from flows.resources import Progress, Resources, using
from flows.settings import Settings, SourceSettings, read_settings, with_own_home
from flows.sources import open_inbox
from severity.domain import PatientId
from severity.pseudonym import is_patient_key

inbox_option = click.option(
    "--inbox",
    metavar="DIR_OR_URL",
    type=NamedLocation(),
    help="Drop folder, or s3://, gs:// or az://bucket/prefix: this source alone. If absent, "
    "SEVERITY_INBOX and all of SEVERITY_SOURCES.",
)
model_option = click.option(
    "--model", metavar="NAME", help="One of `model list`; SEVERITY_MODEL if absent."
)
precision_option = click.option(
    "--precision",
    type=click.Choice(["fp32", "bf16"]),
    help="Arithmetic of the network, part of the model version; SEVERITY_PRECISION if absent.",
)
device_option = click.option(
    "--device",
    metavar="DEVICE",
    help="cpu, cuda, cuda:1, or auto: a GPU if there is one. SEVERITY_DEVICE if absent.",
)
UNKNOWN_PATIENT = "no patient is known here by this identifier"

issuer_option = click.option(
    "--issuer", default="", help="Issuer of the identifier; SEVERITY_ISSUER if absent."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def chosen_settings(**options: object) -> Settings:
    """Read the settings from a command's own options and, where one is None, the environment.

    An ``inbox`` among the options means this source alone, and if that leaves out a source that is
    set, the dead man's switch is told nothing. A ``home`` means the embedded database in it,
    whatever `DATABASE_URL` names, no source but an inbox that is an option too, and none of the
    PACS, folders and alarms of the installation that the environment describes. With a ``model``
    among them, also one that is None, the model is to score, so it must be here; whatever only
    reads, as a dashboard on another machine, knows it by name.

    Raises
    ------
    UsageError
        A setting is missing or wrong, or there is no such model.
    """
    if options.get("inbox") is not None or options.get("home") is not None:
        options = {"sources": {}, **options}
    match options.get("home"):
        case Path() as home:  # as the person who gives the command sees it
            options["home"] = home if str(home).startswith("~") else home.absolute()
    settings = read_settings(**options)
    if options.get("inbox") is not None and not _leaves_out_none(settings):
        settings = settings.model_copy(update={"success_url": None})
    if options.get("home") is not None:
        settings = with_own_home(settings, **{**options, "home": settings.home})
    if "model" in options:
        place = "SEVERITY_MODEL" if options["model"] is None else "--model"
        check_name(settings.model, settings, place=f"{place}: ")
    return settings


def _leaves_out_none(settings: Settings) -> bool:
    """Return whether all sources that the environment sets are among those of the settings."""
    if settings.success_url is None:
        return True
    chosen = {source.location for source in settings.all_sources}
    return chosen.issuperset(source.location for source in read_settings().all_sources)


def check_name(name: str, settings: Settings, *, place: str = "") -> None:
    """Refuse a name that no model of this installation has.

    Raises
    ------
    UsageError
        There is no such model; ``place`` is the beginning of the message.
    """
    models = names(settings)
    if name not in models:
        raise UsageError(f"{place}no model {name!r}; choose one of {', '.join(models)}")


@contextmanager
def chosen_resources(**options: object) -> Iterator[Resources]:
    """Make a command's resources, from the environment and the command's own options."""
    with using(Resources(chosen_settings(**options), Progress())) as resources:
        yield resources


def patient_key(resources: Resources, patient: str, issuer: str) -> str:
    """Return the key of a patient, who is named by the hospital's identifier or by the key.

    Raises
    ------
    UsageError
        Nobody is named, as by a variable of the shell that is not set.
    """
    if not patient.strip():
        raise UsageError("the patient's identifier is empty: is a variable of the shell not set?")
    return resources.named_patient(PatientId(patient, issuer))


def known_patient_key(resources: Resources, session: Transaction, patient: str, issuer: str) -> str:
    """Return the key of a patient as `patient_key` does, of whom anything is known here.

    Raises
    ------
    UsageError
        Nobody is: that nothing is listed would say something else.
    """
    key = patient_key(resources, patient, issuer)
    if patients.is_known(session, key):
        return key
    others = trends.known_otherwise(session, key, unissued_key(resources, patient, issuer))
    same = f"; with an issuer or without, it is that of {', '.join(others)}" if others else ""
    raise UsageError(f"{UNKNOWN_PATIENT}{same}")


def unissued_key(resources: Resources, patient: str, issuer: str) -> str:
    """Return the key that a patient would have without an issuer; empty if that is its own."""
    if is_patient_key(patient.strip()):
        return ""
    return resources.unissued_pseudonym(PatientId(patient, issuer))


def chosen_sources(settings: Settings, names: Sequence[str] = ()) -> tuple[SourceSettings, ...]:
    """Return the sources of these names, or all that are set, once one of them can be opened.

    Raises
    ------
    UsageError
        No source is set, or none has one of the names.
    InboxError
        None of them can be opened.
    """
    sources, refused = settings.sources_named(*names), []
    for source in sources:
        try:
            open_inbox(source.location, settle=timedelta(0))
        except InboxError as error:
            refused.append(error)
    if len(refused) == len(sources):
        raise refused[0]
    return sources
