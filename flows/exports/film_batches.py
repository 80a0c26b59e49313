"""The films of an export, read some at a time, which bounds the memory."""

from collections.abc import Iterator

from db.engine import Database
from db.reading.exports import Selection
from db.reading.results import FilmResult, Recipient, results


def film_batches(
    database: Database, selection: Selection, *, size: int, recipient: Recipient | None = None
) -> Iterator[list[FilmResult]]:
    """Yield the films of a selection by id, each batch in a transaction of its own.

    Parameters
    ----------
    recipient
        Where results were sent: films that it may have and that are not valid any more come too.
    """
    after = 0
    while True:
        with database.transaction() as session:
            films = results(session, selection, after=after, limit=size, recipient=recipient)
        if not films:
            return
        yield films
        after = films[-1].image_id
