"""The command that corrects the time zone of a source."""

import click

from db import corrections
from db.corrections import source_id
from flows.cli.corrections.correcting import author_options, confirm, correcting


@click.command()
@click.argument("location")
@click.argument("old")
@click.argument("new")
@author_options
def zone_command(location: str, old: str, new: str, **author: str) -> None:
    """Read the times of the source LOCATION in the zone NEW where they were read in OLD.

    Times whose file states its zone stay, and so do times that a person stated. Set
    SEVERITY_TIMEZONE to NEW before, and run this again if a run was in progress.
    """
    with correcting(**author) as correction:
        result = corrections.correct_zone(
            correction.session,
            correction.author,
            source_id(correction.session, location),
            old,
            new,
        )
    done = f"{result.images} images of {location} were read in {new} instead of {old}"
    if result.uncertain:
        done += (
            f"; {result.uncertain} of them lie in an hour that {old} skips, and may be an hour late"
        )
    confirm(done, undo=f"source zone {location} {new} {old}")
