"""What the demonstration shows of its patients: a line for each, and whom to look at first."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from db.engine import Transaction
from db.reading import courses
from db.reading.courses import Assessment, CourseImage
from flows.demo.story import PATIENTS, DemoPatient
from flows.demo.treatments import TREATED
from flows.reports.courses.words import band_text, latest, percent, probability
from flows.resources import Resources
from severity.domain import RESEARCH_USE_ONLY, Verdict

_STYLES = {Verdict.WORSE: "red", Verdict.BETTER: "green"}


@dataclass(frozen=True)
class Outcome:
    """What the product says of a simulated patient; ``latest`` is None without a course."""

    patient: DemoPatient
    images: int
    latest: CourseImage | None

    @property
    def extent(self) -> Assessment | None:
        """What the latest image says of geographic extent."""
        return self.latest.geographic_extent if self.latest else None

    @property
    def verdict(self) -> Verdict | None:
        """The verdict of geographic extent."""
        return self.extent.verdict if self.extent else None


def outcomes(session: Transaction, resources: Resources, model_version: str) -> list[Outcome]:
    """Read what the product says of each simulated patient, in the order of the story."""
    found = []
    for patient in PATIENTS:
        course = courses.course(session, resources.pseudonym(patient.patient_id), model_version)
        found.append(Outcome(patient, len(course.images), latest(course.images)))
    return found


def outcomes_table(told: Sequence[Outcome]) -> RenderableType:
    """Return a table of the patients, and below it whom to look at."""
    table = Table(box=box.SIMPLE_HEAD, title="SIMULATED patients", title_justify="left")
    table.add_column("patient", no_wrap=True)
    table.add_column("images", justify="right")
    table.add_column("extent now", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    table.add_column("what happens")
    for outcome in told:
        extent = outcome.extent
        table.add_row(
            outcome.patient.patient_id.value,
            str(outcome.images),
            band_text(extent.level if extent else None),
            _verdict(outcome),
            outcome.patient.story,
        )
    return Group(table, Text(look_first(told)), Text(RESEARCH_USE_ONLY))


def what_to_click(resources: Resources, address: str) -> str:
    """Return what to look at first on the dashboard's pages, with an address for it."""
    treated = resources.pseudonym(TREATED)
    return (
        "Click the first patient of the worklist, who gets worse. Better after dexamethasone is "
        f"{TREATED.value}:\n{address}/patients/{treated}"
    )


def _verdict(outcome: Outcome) -> Text:
    if outcome.extent is None or outcome.verdict is None:
        return Text("none yet", style="dim")
    share = probability(outcome.extent)
    words = outcome.verdict.value if share is None else f"{outcome.verdict.value} {percent(share)}"
    return Text(words, style=_STYLES.get(outcome.verdict, ""))


def look_first(told: Sequence[Outcome]) -> str:
    """Return whom to look at: who is worse, the most probable first."""
    worse = [outcome for outcome in told if outcome.verdict is Verdict.WORSE]
    worse.sort(key=lambda outcome: -(outcome.extent.worse or 0) if outcome.extent else 0)
    names = ", ".join(outcome.patient.patient_id.value for outcome in worse)
    return f"Look first at {names}: worse since the baseline, by more than the margin."
