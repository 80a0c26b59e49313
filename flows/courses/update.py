"""The update of courses: computed anew for whoever is due, in batches that are kept whole."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from threading import Event

from db.courses import choices, due, parameters, rows
from db.courses import films as stored_films
from db.engine import Database, Transaction
from db.events import erase_responses, read_starts, write_responses
from flows.courses.columns import course_columns, summary_columns
from flows.courses.following import FollowedFilms, Rules, followed
from flows.courses.responses import response_columns

_DUE_AT_ONCE = 5000  # entries of the list; bounds memory, and how long others wait for a batch


@dataclass(frozen=True)
class Updated:
    """What an update computed: persons, once for each model version, and entries of the list."""

    persons: int = 0
    entries: int = 0

    def __add__(self, other: "Updated") -> "Updated":
        return Updated(self.persons + other.persons, self.entries + other.entries)


def update_courses(
    database: Database,
    advanced: Callable[[Updated], object] = lambda _: None,
    *,
    connections: int = 1,
) -> Updated:
    """Compute the courses of all who are due. Safe to kill, to run again and to run twice at once.

    Parameters
    ----------
    advanced
        Is told of each batch, by whatever thread has computed it.
    connections
        How many share the work, at most as many as there are parts of persons. Each has a thread
        here and a process of PostgreSQL, which does five sixths of the work.
    """
    shares = [due.PARTS[n::connections] for n in range(min(connections, len(due.PARTS)))]
    is_over = Event()

    def work(parts: Sequence[int]) -> Updated:
        total, batch = Updated(), Updated(entries=1)
        while batch.entries and not is_over.is_set():
            with database.transaction() as session:
                batch = update_batch(session, parts)
            advanced(batch)
            total += batch
        return total

    with ThreadPoolExecutor(len(shares)) as threads:
        shared = [threads.submit(work, parts) for parts in shares]
        try:
            return sum((future.result() for future in as_completed(shared)), Updated())
        finally:
            is_over.set()  # after an error or Ctrl-C the others end with their batch


def update_batch(session: Transaction, parts: Sequence[int] = due.PARTS) -> Updated:
    """Take some who are due, of some parts, and compute their courses; 0 entries if nobody is."""
    # Of fewer parts fewer: those who share the work take as much memory together.
    limit = -(-_DUE_AT_ONCE * len(parts) // len(due.PARTS))
    taken = due.take(session, limit=limit, parts=parts)
    for model_version_id, person_ids in taken.persons.items():
        write_persons(session, model_version_id, person_ids)
    return Updated(sum(map(len, taken.persons.values())), taken.entries)


def write_persons(session: Transaction, model_version_id: int, person_ids: Sequence[int]) -> None:
    """Replace the courses of persons by one model version; without parameters the summaries."""
    rows.erase(session, model_version_id, person_ids)
    erase_responses(session, model_version_id, person_ids)
    adopted = parameters.adopted(session, model_version_id)
    if adopted is None:
        rows.write_without_parameters(session, model_version_id, person_ids)
        return
    films = stored_films.read(session, model_version_id, person_ids)
    if len(films):
        chosen = choices.of_persons(session, person_ids)
        followed_films = followed(films, chosen, Rules.of(model_version_id, adopted))
        _write(session, followed_films)
        starts = read_starts(session, person_ids)
        write_responses(session, response_columns(followed_films, starts))


def _write(session: Transaction, films: FollowedFilms) -> None:
    courses = course_columns(films)
    rows.write_courses(session, courses)
    rows.write_summaries(session, summary_columns(films, courses))
