"""The demonstration: the whole job on simulated or on given images, in a folder of its own."""

import asyncio
from pathlib import Path

from rich.console import Console

from db.reading import balances, courses, trends
from flows.demo.images import write_demo_inbox
from flows.demo.treatments import TREATED, import_demo_treatments
from flows.orchestration.environment import configure_prefect
from flows.progress import progress_bar
from flows.reports import balance_text, fates_table, trend_table
from flows.reports.courses import course_table, missing_course
from flows.reports.courses.chart import draw_course
from flows.resources import Resources
from flows.scoring.inbox_pass import score_new
from flows.settings import read_settings

_MOST_FATES = 40


def run_demo(data: Path | None, home: Path | None, *, console: Console) -> None:
    """Fill a drop folder, score it, and show the fates, the balance and a trend.

    Parameters
    ----------
    data
        A folder of real images with their sidecar, instead of simulated ones.
    home
        Folder of the demonstration's own database.
    """
    settings = read_settings()
    folder = (home or settings.home / "demo").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    # The demonstration never touches a real database, whatever the environment names.
    demo_settings = settings.model_copy(
        update={"home": folder, "database_url": None, "pseudonym_key": None, "settle_seconds": 0}
    )
    inbox = data.resolve() if data else folder / "inbox"
    if data is None:
        console.print(f"Filling {inbox} with SIMULATED studies of four patients ...")
        write_demo_inbox(inbox)
    configure_prefect(folder, quiet=True)
    with progress_bar(console) as progress:
        resources = Resources(demo_settings, progress)
        summary = asyncio.run(score_new(str(inbox), resources))
    console.print(
        f"{summary.scored} scored, {summary.rejected} rejected in this run"
        + ("" if summary.enlisted else ": no image was new")
    )
    if data is None:
        file = folder / "treatments.csv"
        console.print(f"{import_demo_treatments(file, resources)} treatments imported from {file}")
    _show_fates(resources, summary.model_version, inbox=str(inbox), console=console)
    patient = None if data else resources.pseudonym(TREATED)
    _show_patient(resources, summary.model_version, patient, folder / "trend.png", console=console)


def _show_fates(resources: Resources, version: str, *, inbox: str, console: Console) -> None:
    with resources.open_database().transaction() as session:
        fates = balances.fates(session, inbox, version)
        balance = balances.balance(session, inbox)
    shown = fates if len(fates) <= _MOST_FATES else [row for row in fates if row[1] != "scored"]
    console.print(fates_table(shown[:_MOST_FATES]))
    if len(shown) > _MOST_FATES or len(shown) < len(fates):
        console.print(f"({len(fates)} files in all)")
    console.print(balance_text(balance))


def _show_patient(
    resources: Resources, version: str, patient: str | None, chart: Path, *, console: Console
) -> None:
    """Show the course of a patient, or of the one with the most images; pairs if there is none."""
    with resources.open_database().transaction() as session:
        key = patient or trends.busiest_patient(session, version)
        if key is None:
            return
        course = courses.course(session, key, version)
        trend = trends.trend(session, key, version)
    console.print()
    if missing := missing_course(course):
        if not trend.observations:
            return
        console.print(f"No course: {missing}. Pairs of images in its place:")
        course = courses.of_trend(trend)
    console.print(trend_table(trend) if missing else course_table(course))
    draw_course(course, chart)
    console.print(f"Chart: {chart}", soft_wrap=True)
