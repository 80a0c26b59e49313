"""The command that examines a site."""

import sys

import click

from flows.cli.exit_codes import ATTENTION
from flows.cli.options import chosen_resources, json_option
from flows.cli.terminal import terminal
from flows.operations.doctor import Level, examination_json, examination_text, examine
from severity.domain import RESEARCH_USE_ONLY


@click.command()
@json_option
def doctor_command(*, as_json: bool) -> None:
    """Examine the site, and name the one thing to do first; nothing is changed.

    Looks at the home folder, the pseudonym secret, the disk, the database with its rights, clock,
    size and balance, the last pass and the last film, sources, weights, device, time zone and
    backups. Ends with exit code 3 if there is a problem; what is only a notice can wait.
    """
    with chosen_resources() as resources:
        examination = examine(resources)
    if as_json:
        click.echo(examination_json(examination), nl=False)
    else:
        console = terminal()
        console.print(examination_text(examination))
        console.print(RESEARCH_USE_ONLY)
    if examination.level is Level.PROBLEM:
        sys.exit(ATTENTION)
