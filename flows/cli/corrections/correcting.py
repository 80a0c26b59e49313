"""What the commands that correct have in common: who and why, the transaction, the last line."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import click

from db.corrections import Author
from db.engine import Transaction
from db.errors import RefusedCorrection
from flows.cli.options import chosen_resources, patient_key
from flows.errors import UsageError
from flows.login import login
from flows.resources import Resources

_Command = TypeVar("_Command", bound=Callable[..., Any])


who_option = click.option("--who", default=login, help="Who corrects; your login if absent.")


def author_options(command: _Command) -> _Command:
    """Add the options that each correction takes: why, and who."""
    why = click.option("--why", required=True, help="The reason; it is kept with the change.")
    return why(who_option(command))


@dataclass(frozen=True)
class Correction:
    """An open transaction of an author."""

    session: Transaction
    author: Author
    resources: Resources

    def patient_key(self, patient: str, issuer: str) -> str:
        """Return the key of a patient, who is named by the hospital's identifier or by the key."""
        return patient_key(self.resources, patient, issuer)


@contextmanager
def correcting(*, who: str, why: str) -> Iterator[Correction]:
    """Open a transaction for a correction; nothing of it is kept if it is refused.

    Raises
    ------
    UsageError
        The correction contradicts what is stored.
    """
    try:
        author = Author(who, why)
        with (
            chosen_resources() as resources,
            resources.open_database().transaction() as session,
        ):
            yield Correction(session, author, resources)
    except RefusedCorrection as error:
        raise UsageError(str(error)) from error


def confirm_change(changed: bool, done: str, *, undo: str = "") -> None:  # noqa: FBT001 - the question
    """Print what was done as `confirm` does; or that it was so already."""
    if changed:
        confirm(done, undo=undo)
    else:
        confirm("Nothing changed: it is so already")


def confirm(done: str, *, undo: str = "") -> None:
    """Print in one line what was done, and the command that undoes it."""
    click.echo(f"{done}. Undo: cxr-severity {undo} --why ..." if undo else f"{done}.")
