"""The story of the simulated patients, told by the product: deliveries, a merge, treatments."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from db.corrections import Author, merge
from flows.demo.images import write_in_time, write_late
from flows.demo.story import DEMO_EXPECTATIONS, PATIENTS
from flows.demo.treatments import import_demo_treatments
from flows.orchestration.server import prefect_api
from flows.resources import Resources
from flows.scoring.inbox_pass import score_new

_AUTHOR = Author("demonstration", "the patient's name became known")


@dataclass(frozen=True)
class Told:
    """What this telling of the story did; a second one finds nothing to do."""

    model_version: str
    scored: int
    rejected: int
    merged: int
    treatments: int


def tell(inbox: Path, treatments: Path, resources: Resources) -> Told:
    """Deliver the images and score them, then the late ones; merge, and import treatments.

    Parameters
    ----------
    treatments
        Where the file of treatments is written.
    """
    with _delivered(inbox, resources):
        first = asyncio.run(score_new(str(inbox), resources))
        write_late(inbox)
        last = asyncio.run(score_new(str(inbox), resources))
    return Told(
        last.model_version,
        first.scored + last.scored,
        first.rejected + last.rejected,
        _merge_named(resources),
        import_demo_treatments(treatments, resources),
    )


@contextmanager
def _delivered(inbox: Path, resources: Resources) -> Iterator[None]:
    """Deliver what comes in time, unless that was done before; let both passes use one server.

    Prefect's server, the images and the model take seconds each, and need not wait for each other.
    """
    if all((inbox / name).exists() for name in DEMO_EXPECTATIONS):
        yield
        return
    with ThreadPoolExecutor() as threads:
        delivery = threads.submit(write_in_time, inbox)
        threads.submit(resources.load_model)  # what goes wrong is raised again by the first pass
        with prefect_api():
            delivery.result()
            yield


def _merge_named(resources: Resources) -> int:
    """Merge who came without a name into who it is; return how many were apart until now."""
    named = [patient for patient in PATIENTS if patient.unnamed_hours]
    with resources.open_database().transaction() as session:
        return sum(
            merge(
                session,
                _AUTHOR,
                resources.pseudonym(patient.unnamed_id),
                resources.pseudonym(patient.patient_id),
            )
            for patient in named
        )
