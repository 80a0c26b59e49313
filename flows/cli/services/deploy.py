"""The command that registers a site's deployments at its Prefect server."""

import asyncio
import os

import click

from flows.cli.options import chosen_settings
from flows.deployments.plan import Infrastructure, planned
from flows.errors import UsageError
from flows.orchestration.environment import configure_prefect


@click.command()
@click.option(
    "--infrastructure",
    type=click.Choice([*Infrastructure]),
    default=Infrastructure.PROCESS,
    show_default=True,
    help="What the workers of both pools start a run in.",
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="How many runs may score at once: one for each machine or GPU.",
)
@click.option(
    "--yaml", "as_yaml", is_flag=True, help="Print it as a prefect.yaml; register nothing."
)
def deploy_command(infrastructure: str, workers: int, *, as_yaml: bool) -> None:
    """Register all deployments at the Prefect server that PREFECT_API_URL names.

    Makes the work pools cpu and gpu, a deployment for each job on its schedule, and automations
    that mark crashed runs and restart them. Safe to run again: what is there is brought up to date.
    """
    settings = chosen_settings()
    jobs = planned(settings, workers=workers)
    if not as_yaml and not os.environ.get("PREFECT_API_URL"):
        raise UsageError("no Prefect server: set PREFECT_API_URL, and PREFECT_API_AUTH_STRING")
    configure_prefect(settings.home, quiet=True)
    # Imported here: Prefect reads its settings when it is first imported.
    from flows.deployments.schedules import prefect_schedules  # noqa: PLC0415

    # All before the first is registered, or printed for a command that looks at none.
    for job in jobs:
        asyncio.run(prefect_schedules(job.due, settings.timezone))
    if as_yaml:
        from flows.deployments.prefect_yaml import prefect_yaml  # noqa: PLC0415

        click.echo(prefect_yaml(jobs, settings.timezone), nl=False)
        return
    from flows.deployments.registering import register  # noqa: PLC0415

    asyncio.run(register(jobs, Infrastructure(infrastructure), zone=settings.timezone))
    for job in jobs:
        click.echo(f"{job.full_name} (work pool {job.pool}): {job.schedule_text}")
