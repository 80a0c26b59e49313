"""The command that runs all parts together."""

from pathlib import Path

import click

from flows.cli.options import chosen_settings, chosen_sources, inbox_option
from flows.cli.paths import NamedPath
from flows.cli.scoring.device import announce_device
from flows.deployments.together import run_together
from flows.failure_log import log_to_terminal
from flows.home import private_home
from flows.orchestration.environment import leave_prefect_of_installation
from flows.resources import Progress, Resources, using
from flows.settings import Settings
from severity.domain import RESEARCH_USE_ONLY

_POLL_SECONDS = 60.0  # whoever drops an image here waits to see it


@click.command()
@inbox_option
@click.option(
    "--home",
    type=NamedPath(file_okay=False, path_type=Path),
    help="Folder of the embedded database and its drop folder; SEVERITY_HOME if absent.",
)
@click.option("--cron", help="When to score; SEVERITY_CRON if absent.")
@click.option(
    "--poll-seconds",
    type=float,
    help="Also score at this interval; SEVERITY_POLL_SECONDS, else a minute, if absent.",
)
def up_command(
    inbox: str | None, home: Path | None, cron: str | None, poll_seconds: float | None
) -> None:
    """Run all parts: database, Prefect with its page, schedule and dashboard, until Ctrl-C.

    Without a source it makes a drop folder in its home. Prints a line for each part, which says
    where it is. If a part ends, all others are ended and the command fails.
    """
    settings = chosen_settings(
        inbox=inbox, home=home, cron=cron, poll_seconds=poll_seconds, model=None
    )
    settings = completed(settings)
    if home is not None:
        leave_prefect_of_installation()
    with using(Resources(settings, Progress())) as resources:
        chosen_sources(settings)
        announce_device(settings)
        log_to_terminal()
        click.echo(f"Starting all parts; Ctrl-C ends them. {RESEARCH_USE_ONLY}")
        run_together(resources, announce=click.echo)


def completed(settings: Settings) -> Settings:
    """Return the settings with a source and an interval."""
    update: dict[str, object] = {"poll_seconds": settings.poll_seconds or _POLL_SECONDS}
    if not settings.all_sources:
        folder = private_home(settings.home.resolve()) / "inbox"
        folder.mkdir(exist_ok=True)
        update["inbox"] = str(folder)
    return settings.model_copy(update=update)
