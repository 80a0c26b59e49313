"""The command that shows the whole job, in a folder of its own."""

from pathlib import Path

import click

from flows.cli.terminal import terminal
from flows.demo.run import run_demo


@click.command()
@click.option(
    "--data",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder of real images with their metadata.csv, instead of simulated ones.",
)
@click.option(
    "--home",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the demonstration keeps its database and images.",
)
def demo_command(data: Path | None, home: Path | None) -> None:
    """Show the whole job: images, scores, rejections, the balance and a patient's trend.

    Everything stays in a folder of its own, and is never mixed with real work. Without --data
    it makes a drop folder of SIMULATED courses: opacities painted into a real image. A second
    demo scores no image twice.
    """
    run_demo(data, home, console=terminal())
