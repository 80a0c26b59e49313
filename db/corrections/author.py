"""Who corrects, and why: what the triggers write beside each change."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from db.attribution import attribute
from db.errors import RefusedCorrection
from db.ledger.lock import lock_ledger


@dataclass(frozen=True)
class Author:
    """A person who corrects, and the reason; both are kept with the change."""

    who: str
    why: str

    def __post_init__(self) -> None:
        if not self.who.strip() or not self.why.strip():
            raise RefusedCorrection("a correction needs a person and a reason")


def begin(session: Session, author: Author, what: str) -> None:
    """Begin a correction: what this transaction changes from here on is recorded as the author's.

    Corrections, enlisting and closing take turns: none counts what another is changing.
    """
    lock_ledger(session)
    attribute(session, who=author.who, what=what, why=author.why)
