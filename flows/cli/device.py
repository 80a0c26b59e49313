"""Where the network runs, as a command announces it."""

import click

from flows.models.loading import device
from flows.settings import Settings


def announce_device(settings: Settings) -> None:
    """Print one line where a GPU was hoped for and there is none.

    Raises
    ------
    ModelUnavailable
        The device that is set does not exist.
    """
    if device(settings).type == "cpu" and settings.device == "auto":
        click.echo("No GPU here: scoring on the CPU (--device cpu says so for good).", err=True)
