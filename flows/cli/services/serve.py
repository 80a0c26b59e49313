"""The command that scores on a schedule."""

import click

from flows.cli.options import chosen_resources, chosen_sources, inbox_option
from flows.cli.scoring.device import announce_device
from flows.deployments.serving import serve_sources
from flows.failure_log import log_to_terminal


@click.command()
@inbox_option
@click.option("--cron", help="When to score; SEVERITY_CRON if absent.")
@click.option("--poll-seconds", type=float, help="Also score at this interval, in seconds.")
def serve_command(inbox: str | None, cron: str | None, poll_seconds: float | None) -> None:
    """Score on a schedule: nightly at two by default, and at an interval if one is given.

    Uses the Prefect server that PREFECT_API_URL names, else starts one on this machine, whose
    page asks for a password. A pass that is due while another works is skipped. Ends with Ctrl-C
    or SIGTERM.
    """
    with chosen_resources(
        inbox=inbox, cron=cron, poll_seconds=poll_seconds, model=None
    ) as resources:
        chosen_sources(resources.settings)
        announce_device(resources.settings)
        log_to_terminal()
        serve_sources(resources, announce=click.echo)
