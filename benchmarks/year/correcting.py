"""What people correct in a year, drawn by chance."""

from collections.abc import Callable, Mapping

from benchmarks.year.site import Site
from db import corrections
from db.corrections import Author
from db.engine import Transaction
from db.errors import RefusedCorrection

_AUTHOR = Author("benchmark", "to see what a year of corrections leaves")
_OF_A_NIGHT = 0.5  # corrections


def correct(site: Site) -> list[str]:
    """Correct something in half of the nights; return what it was."""
    if site.chance.random() > _OF_A_NIGHT:
        return []
    name, correction = site.chance.choice([*_CORRECTIONS.items()])
    try:
        with site.database.transaction() as session:
            correction(session, site)
    except RefusedCorrection:
        return [f"{name} refused"]
    return [name]


def _image(site: Site) -> int:
    return int(site.value("SELECT id FROM image ORDER BY random() LIMIT 1"))


def _withdrawn(site: Site) -> int:
    return int(site.value("SELECT coalesce(max(id), 0) FROM image WHERE standing = 'withdrawn'"))


def _patient(site: Site) -> str:
    return str(site.value("SELECT patient_key FROM patient ORDER BY random() LIMIT 1"))


_CORRECTIONS: Mapping[str, Callable[[Transaction, Site], object]] = {
    "withdraw": lambda session, site: corrections.withdraw(session, _AUTHOR, _image(site)),
    "restore": lambda session, site: corrections.restore(session, _AUTHOR, _withdrawn(site)),
    "merge": lambda session, site: corrections.merge(
        session, _AUTHOR, _patient(site), _patient(site)
    ),
    "split": lambda session, site: corrections.split(session, _AUTHOR, _patient(site)),
    "move": lambda session, site: corrections.move(session, _AUTHOR, _image(site), _patient(site)),
}
