"""The commands on bridges between model versions: learn one, and list them."""

import click

from db.reading import bridges
from flows.cli.options import chosen_resources, json_option
from flows.cli.terminal import terminal
from flows.courses.bridging import learn_bridge
from flows.errors import UsageError
from flows.reports import bridge_table, bridges_table, plain_json
from severity.domain import RESEARCH_USE_ONLY
from severity.errors import NoBridge


@click.command()
@click.argument("former")
@click.argument("current")
def bridge_command(former: str, current: str) -> None:
    """Learn how scores of the model version FORMER become those of CURRENT, and keep it.

    From the films of this site that both scored (`rescore`). It is refused where they are too few,
    or the two agree too little. Courses stay as they are: `trend --bridged` shows them across.
    """
    with chosen_resources() as resources:
        try:
            number, bridge = learn_bridge(resources.open_database(), former, current)
        except LookupError as error:
            raise UsageError(f"{error.args[0]}; `rescore status` and `status` name them") from error
        except NoBridge as error:
            raise UsageError(f"no bridge: {error}") from error
    terminal().print(f"Bridge {number}, from {former} to {current}:")
    terminal().print(bridge_table(bridge))
    terminal().print(RESEARCH_USE_ONLY)


@click.command()
@json_option
def bridges_command(*, as_json: bool) -> None:
    """List the bridges between model versions that were learned here, the newest first."""
    with chosen_resources() as resources, resources.read_database().transaction() as session:
        known = bridges.bridges(session)
    if as_json:
        click.echo(plain_json(known))
        return
    terminal().print(bridges_table(known))
    terminal().print(RESEARCH_USE_ONLY)
