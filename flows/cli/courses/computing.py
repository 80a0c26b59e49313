"""The commands on courses: compute them, and show the parameters that they rest on."""

from collections.abc import Callable

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from db.courses import due, parameters
from db.engine import Database
from flows.cli.options import chosen_resources, json_option, model_option, precision_option
from flows.cli.terminal import terminal
from flows.courses.learning import learn_parameters
from flows.courses.update import Updated, update_courses
from flows.errors import UsageError
from flows.reports import parameters_table, plain_json
from flows.scoring.registration import register_model_version
from severity.cores import cores
from severity.course.learning import FEWEST_FILMS, FEWEST_SERIES
from severity.domain import RESEARCH_USE_ONLY


@click.command()
def update_command() -> None:
    """Compute the courses of all patients who are due, as each pass does at its end.

    Scores, corrections, events and choices make a patient due. Safe to kill at any moment and to
    start twice.
    """
    with chosen_resources() as resources:
        _update(resources.open_database())


@click.command()
@click.option("--all", "everybody", is_flag=True, help="Also courses that are up to date.")
def refit_command(*, everybody: bool) -> None:
    """Compute all courses anew that rest on an older parameter set.

    If it is killed, run it again without --all: it goes on from there, and so does each pass.
    """
    with chosen_resources() as resources:
        database = resources.open_database()
        with database.transaction() as session:
            if everybody:
                due.add_all(session)
            else:
                due.add_outdated(session)
        _update(database)


@click.command()
@model_option
@precision_option
def learn_command(**engine: str | None) -> None:
    """Learn the parameters of courses from this site's own patients, and compute all anew.

    Each pass that scores does so by itself, at most once a week. It takes minutes.
    """
    with chosen_resources(**engine) as resources:
        registered = register_model_version(resources)
        database = resources.open_database()
        learned = learn_parameters(database, registered.row_id)
        if learned is None:
            raise UsageError(
                f"too few films: {FEWEST_SERIES} episodes of {FEWEST_FILMS} or more are needed, "
                "and parameters to start from"
            )
        terminal().print(f"Learned from {learned.films} films of {learned.patients} patients.")
        _update(database)


@click.command()
@json_option
def parameters_command(*, as_json: bool) -> None:
    """Show the parameter sets of all model versions, and how many courses rest on each."""
    with chosen_resources() as resources, resources.read_database().transaction() as session:
        sets = parameters.history(session)
    if as_json:
        click.echo(plain_json(sets))
        return
    terminal().print(parameters_table(sets))
    terminal().print(RESEARCH_USE_ONLY)


def _update(database: Database) -> None:
    with database.transaction() as session:
        entries = due.entries(session)
    with _bar(entries) as bar:
        updated = update_courses(database, _advancing(bar), connections=cores())
    terminal().print(f"{updated.persons} courses computed, one for each patient and model version.")


def _bar(entries: int) -> Progress:
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    bar = Progress(TextColumn("Computing courses"), *columns, console=terminal(), transient=True)
    bar.add_task("", total=entries)
    return bar


def _advancing(bar: Progress) -> Callable[[Updated], None]:
    (task,) = bar.task_ids

    def advance(batch: Updated) -> None:
        bar.advance(task, batch.entries)

    return advance
