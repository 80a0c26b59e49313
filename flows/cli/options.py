"""What several commands are asked in the same words, and what a command opens for it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import click

from flows import resources
from flows.models.catalogue import names
from flows.resources import Progress, Resources
from flows.settings import Settings
from flows.sources.inbox import open_inbox

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


class Unusable(Exception):
    """What was asked for cannot be done as asked; the message says why."""


def chosen_settings(**options: object) -> Settings:
    """Read the settings from the environment and a command's own options; None is not given.

    Raises
    ------
    click.UsageError
        There is no such model.
    """
    given = {name: value for name, value in options.items() if value is not None}
    settings = Settings(**given)  # type: ignore[arg-type] # pydantic checks them
    there = names(settings)
    if settings.model not in there:
        raise click.UsageError(
            f"SEVERITY_MODEL: no model {settings.model!r}; there is {', '.join(there)}",
            click.get_current_context(silent=True),
        )
    return settings


@contextmanager
def chosen_resources(**options: object) -> Iterator[Resources]:
    """Open what a command needs, from the environment and the command's own options."""
    with resources.using(Resources(chosen_settings(**options), Progress())) as opened:
        yield opened


def chosen_inbox(settings: Settings) -> str:
    """Return the inbox that is set, once it can be opened.

    Raises
    ------
    Unusable
        None is set.
    InboxError
        It cannot be opened.
    """
    location = settings.inbox
    if location is None:
        raise Unusable("no inbox: give --inbox DIR_OR_URL or set SEVERITY_INBOX")
    open_inbox(location, settle=timedelta(0))
    return location
