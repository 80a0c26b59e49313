"""The command that receives films from DICOM senders."""

import logging
from contextlib import suppress
from pathlib import Path

import click

from flows.arrivals import receiving
from flows.arrivals.receiver import log
from flows.cli.options import chosen_resources
from flows.cli.paths import NamedPath
from flows.cli.stopping import interrupted_by_signals
from severity.domain import RESEARCH_USE_ONLY


@click.command()
@click.option(
    "--folder",
    "receiver_folder",
    type=NamedPath(file_okay=False, path_type=Path),
    help="Drop folder to write to; SEVERITY_RECEIVER_FOLDER, else the inbox, if absent.",
)
@click.option(
    "--host", "receiver_host", metavar="ADDRESS", help="SEVERITY_RECEIVER_HOST if absent."
)
@click.option(
    "--port",
    "receiver_port",
    type=click.IntRange(0, 65535),
    help="Port, 0 for any free one; SEVERITY_RECEIVER_PORT if absent.",
)
@click.option("--title", "receiver_title", help="AE title; SEVERITY_RECEIVER_TITLE if absent.")
def receive_command(**options: object) -> None:
    """Receive films from DICOM senders into a drop folder, until Ctrl-C.

    A storage SCP for CR, DX and secondary captures, as they are sent. It answers success once a
    film is on disk and counted; a pass over the folder scores it (docs/how-to/receive-films.md).
    """
    log.addHandler(logging.StreamHandler())
    log.setLevel(logging.INFO)
    # Its end by Ctrl-C is no failure, as that of a command would be that had more to do.
    chosen = chosen_resources(**options)
    with suppress(KeyboardInterrupt), chosen as resources, interrupted_by_signals():
        receiving.receive(resources, announce=_announce)


def _announce(address: str) -> None:
    click.echo(f"Films are received at {address} (Ctrl-C ends it). {RESEARCH_USE_ONLY}")
