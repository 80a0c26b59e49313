"""The commands on rejected files: look through them, export, release and dismiss them."""

from collections.abc import Sequence
from pathlib import Path

import click

from db import corrections
from db.engine import Transaction
from db.reading.site import rejections
from db.reading.site.rejections import RejectionFilter, StoredObject
from flows.cli.corrections.correcting import author_options, confirm, confirm_change, correcting
from flows.cli.options import chosen_resources, json_option
from flows.cli.paths import NamedPath
from flows.cli.terminal import terminal
from flows.errors import UsageError
from flows.reports import object_text, plain_json, rejected_table, unread_table, write_csv
from flows.sources.export import ExportedFile, export
from severity.domain import Reason

_ID = click.IntRange(1)
_INDEX = "index.csv"
_ALL = 2**31  # more than a folder can hold
reason_option = click.option(
    "--reason",
    metavar="CODE",
    type=click.Choice([reason.value for reason in Reason]),
    help="Only this reason, such as not_chest.",
)
ids_argument = click.argument("ids", metavar="[ID]...", nargs=-1, type=_ID)


@click.command()
@reason_option
@click.option("--source", metavar="LOCATION", help="Only this source, as `status` names it.")
@click.option("--dismissed", is_flag=True, help="Also those that were dismissed.")
@click.option("--page", type=click.IntRange(1), default=1, help="50 on each page.")
@json_option
def list_command(
    *, reason: str | None, source: str | None, dismissed: bool, page: int, as_json: bool
) -> None:
    """List the rejected files, the latest first."""
    chosen = RejectionFilter(Reason(reason) if reason else None, source, dismissed)
    size = 50
    with chosen_resources() as resources, resources.read_database().transaction() as session:
        count = rejections.count(session, chosen)
        shown = rejections.rejected(session, chosen, limit=size, offset=(page - 1) * size)
    if as_json:
        click.echo(plain_json(shown))
        return
    terminal().print(rejected_table(shown))
    more = f"; --page {page + 1} has more" if page * size < count else ""
    click.echo(f"{len(shown)} of {count}{more}")


@click.command()
@json_option
def unread_command(*, as_json: bool) -> None:
    """List the folders and files that cannot be read, and why.

    Their names may name patients.
    """
    with chosen_resources() as resources, resources.read_database().transaction() as session:
        places = rejections.unread(session)
    if as_json:
        click.echo(plain_json(places))
        return
    terminal().print(unread_table(places))


@click.command()
@click.argument("object_id", metavar="ID", type=_ID)
@json_option
def show_command(object_id: int, *, as_json: bool) -> None:
    """Show the file ID: where it lies, why it was rejected, and all corrections of that.

    File names may name patients.
    """
    with chosen_resources() as resources, resources.read_database().transaction() as session:
        stored = rejections.stored_object(session, object_id)
    if stored is None:
        raise UsageError(f"there is no file {object_id}")
    if as_json:
        click.echo(plain_json(stored))
        return
    terminal().print(object_text(stored))


@click.command()
@click.argument("folder", type=NamedPath(file_okay=False, path_type=Path))
@ids_argument
@reason_option
def export_command(folder: Path, *, ids: tuple[int, ...], reason: str | None) -> None:
    """Copy rejected files into FOLDER, to look at them: those with an ID, or all.

    FOLDER must be new or empty. The copies are named by their IDs; index.csv lists them with
    their reasons and with the names that they have in their source, which may name patients.
    """
    if ids and reason:
        raise UsageError("give either IDs or --reason")
    with chosen_resources() as resources, resources.read_database().transaction() as session:
        chosen = _stored(session, ids, Reason(reason) if reason else None)
    exported = export(chosen, folder)
    _write_index(folder / _INDEX, exported)
    copied = sum(bool(item.name) for item in exported)
    gone = len(exported) - copied
    click.echo(
        f"{copied} files are copied to {folder}, {gone} could not be: see {_INDEX}, "
        "whose names may name patients"
    )


@click.command()
@ids_argument
@reason_option
@click.option(
    "--instead-of",
    type=_ID,
    metavar="IMAGE",
    help="Let it take the place of this image: it is the right file of the two.",
)
@author_options
def release_command(
    ids: tuple[int, ...], *, reason: str | None, instead_of: int | None, **author: str
) -> None:
    """Let rejected files be judged again by the next run, by ID or by reason.

    The reason stays in their history. With --reason, dismissed ones are left.
    """
    if bool(ids) == bool(reason) or (instead_of and reason):
        raise UsageError("give either IDs or --reason")
    with correcting(**author) as correction:
        session, by = correction.session, correction.author
        if reason:
            released = corrections.release_reason(session, by, Reason(reason))
        else:
            released = corrections.release(session, by, ids, instead_of=instead_of)
    files = _files_are(len(released))
    ruled = f", and takes the place of image {instead_of}" if instead_of else ""
    undo = f"image restore {instead_of}" if instead_of else ""
    again = f"{files} judged again by the next run{ruled}"
    confirm(again if undo else f"{again}; what is still wrong is rejected again", undo=undo)


@click.command()
@click.argument("ids", metavar="ID...", nargs=-1, required=True, type=_ID)
@click.option("--undo", is_flag=True, help="List them again.")
@author_options
def dismiss_command(ids: tuple[int, ...], *, undo: bool, **author: str) -> None:
    """Mark rejected files as seen to: they stay rejected, and leave the list."""
    with correcting(**author) as correction:
        mark = corrections.undismiss if undo else corrections.dismiss
        marked = mark(correction.session, correction.author, ids)
    names = " ".join(map(str, marked))
    done = "listed again" if undo else "dismissed"
    back = "" if undo else " --undo"
    confirm_change(
        bool(marked), f"{_files_are(len(marked))} {done}", undo=f"rejected dismiss {names}{back}"
    )


def _files_are(count: int) -> str:
    return "1 file is" if count == 1 else f"{count} files are"


def _stored(session: Transaction, ids: Sequence[int], reason: Reason | None) -> list[StoredObject]:
    """Read the objects that are asked for, by id or by reason."""
    chosen = ids or [
        rejection.object_id
        for rejection in rejections.rejected(session, RejectionFilter(reason), limit=_ALL)
    ]
    by_id = {object_id: rejections.stored_object(session, object_id) for object_id in chosen}
    if unknown := [object_id for object_id, stored in by_id.items() if stored is None]:
        raise UsageError(f"there is no file {', '.join(map(str, unknown))}")
    return [stored for stored in by_id.values() if stored is not None]


def _write_index(path: Path, exported: Sequence[ExportedFile]) -> None:
    rows = [
        {
            "id": item.stored.object_id,
            "file": item.name,
            "problem": item.problem,
            "reason": item.stored.reason,
            "detail": item.stored.detail,
            "source": place.source,
            "key": place.object_key,
        }
        for item in exported
        for place in item.stored.places
    ]
    with path.open("x", encoding="utf-8", newline="") as file:
        write_csv(file, rows)
    path.chmod(0o600)
