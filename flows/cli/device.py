"""Where the network runs, as a command announces it."""

import click

from flows.models.loading import device
from flows.settings import Settings
from severity.gpus import gpus


def announce_device(settings: Settings) -> None:
    """Print one line where a GPU was hoped for and none is used.

    Raises
    ------
    ModelUnavailable
        The device that is set does not exist.
    """
    if settings.device == "auto" and device(settings) == "cpu":
        why = "The GPU here needs torch" if gpus() else "No GPU here"
        click.echo(f"{why}: scoring on the CPU (--device cpu says so for good).", err=True)
