"""Options that several commands share, and the settings and resources that follow from them."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import click

from flows.errors import UsageError
from flows.models.catalogue import names
from flows.resources import Progress, Resources, using
from flows.settings import Settings, read_settings
from flows.sources import open_inbox
from severity.domain import PatientId

inbox_option = click.option(
    "--inbox",
    metavar="DIR_OR_URL",
    help="Drop folder or s3://bucket/prefix; SEVERITY_INBOX if absent.",
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
issuer_option = click.option(
    "--issuer", default="", help="Issuer of the identifier; SEVERITY_ISSUER if absent."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def chosen_settings(**options: object) -> Settings:
    """Read the settings from a command's own options and, where one is None, the environment.

    A ``home`` among the options means the embedded database in it, whatever `DATABASE_URL` names,
    and no inbox but one that is an option too.

    Raises
    ------
    UsageError
        A setting is missing or wrong, or there is no such model.
    """
    settings = read_settings(**options)
    if options.get("home") is not None:
        settings = settings.model_copy(
            update={"database_url": None, "pseudonym_key": None, "inbox": options.get("inbox")}
        )
    check_name(settings.model, settings, place="SEVERITY_MODEL: ")
    return settings


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
    """Return the key of a patient, who is named by the hospital's identifier or by the key."""
    if patient.startswith("p-"):
        return patient
    return resources.pseudonym(PatientId(patient, issuer))


def unissued_key(resources: Resources, patient: str, issuer: str) -> str:
    """Return the key that a patient would have without an issuer; empty if that is its own."""
    if patient.startswith("p-"):
        return ""
    return resources.unissued_pseudonym(PatientId(patient, issuer))


def chosen_inbox(settings: Settings) -> str:
    """Return the location of the inbox that is set, once the inbox can be opened.

    Raises
    ------
    UsageError
        No inbox is set.
    InboxError
        It cannot be opened.
    """
    location = settings.inbox
    if location is None:
        raise UsageError("no inbox: give --inbox DIR_OR_URL or set SEVERITY_INBOX")
    open_inbox(location, settle=timedelta(0))
    return location
