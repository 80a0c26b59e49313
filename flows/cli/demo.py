"""The command that shows the whole job, in a folder of its own."""

import sys
from contextlib import suppress
from pathlib import Path

import click

from flows.cli.paths import NamedPath
from flows.cli.terminal import terminal
from flows.dashboard import server
from flows.demo.run import run_demo
from flows.demo.summary import what_to_click
from flows.resources import Progress, Resources, using
from flows.settings import Settings


@click.command()
@click.option(
    "--data",
    type=NamedPath(exists=True, file_okay=False, path_type=Path),
    help="A folder of real images with their metadata.csv, instead of simulated ones.",
)
@click.option(
    "--home",
    type=NamedPath(file_okay=False, path_type=Path),
    help="Where the demonstration keeps its database and images.",
)
@click.option(
    "--open/--no-open",
    "opens",
    default=None,
    help="Serve the dashboard then, until Ctrl-C; if absent, in a terminal alone.",
)
def demo_command(data: Path | None, home: Path | None, *, opens: bool | None) -> None:
    """Show the whole job: images, scores, rejections, the balance and patients' courses.

    Everything stays in a folder of its own, and is never mixed with real work. Without --data
    it makes a drop folder of SIMULATED courses: opacities painted into a real image. A second
    demo scores no image twice.
    """
    settings = run_demo(data, home, console=terminal())
    if sys.stdout.isatty() if opens is None else opens:
        _open(settings, simulated=data is None)
    else:
        click.echo(f"To look at it in a browser: {_program()} dashboard --home {settings.home}")


def _open(settings: Settings, *, simulated: bool) -> None:
    """Serve the dashboard on its port, or on any other if that is taken, until Ctrl-C."""
    settings = settings.model_copy(update={"dashboard_port": server.free_port(settings)})
    with using(Resources(settings, Progress())) as resources:

        def announce(address: str) -> None:
            click.echo(f"The dashboard is at {address} - open it in a browser; Ctrl-C ends it.")
            if simulated:
                click.echo(what_to_click(resources, address))

        with suppress(KeyboardInterrupt):
            server.serve(resources, announce=announce)


def _program() -> str:
    """Return the command as it was called, so that it can be called so again."""
    called = Path(sys.argv[0])
    return str(called) if called.name == "cxr-severity" else "cxr-severity"
