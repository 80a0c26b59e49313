"""The note that the network runs on the CPU."""

import click

from flows.models.loading import device
from flows.settings import Settings
from severity.gpus import gpus


def announce_device(settings: Settings) -> None:
    """Print one line if the network runs on the CPU although a GPU would be used.

    Raises
    ------
    ModelUnavailable
        The device that is set does not exist.
    """
    if settings.device == "auto" and device(settings) == "cpu":
        reason = "The GPU here needs torch" if gpus() else "No GPU here"
        click.echo(f"{reason}: scoring on the CPU (pass --device cpu to silence this).", err=True)
