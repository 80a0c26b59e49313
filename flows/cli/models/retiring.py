"""The command that ends the scoring by a model version."""

import click

from db.ledger import sources
from flows.cli.options import chosen_resources
from flows.errors import UsageError


@click.command()
@click.argument("version")
def retire_command(version: str) -> None:
    """Stop scoring new images by the model version VERSION; its scores stay.

    After a change of model, images that arrive later wait for the former version as well, in
    every source that it ever scored, until it is retired. Its scores, trends and courses stay.

    A pass with that model wants it again, and goes on where it was.
    """
    try:
        with (
            chosen_resources() as resources,
            resources.open_database().transaction() as session,
        ):
            ended = sources.retire_everywhere(session, version)
    except LookupError as error:
        raise UsageError(f"{error.args[0]}; status names those that are wanted") from error
    click.echo(
        f"{version} is no longer wanted, in {ended.sources} source{'s' * (ended.sources != 1)}; "
        f"{ended.waited} images no longer wait for it, or had failed. Its scores stay."
    )
