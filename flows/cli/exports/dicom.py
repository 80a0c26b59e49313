"""The command that writes scores and courses as DICOM files, and sends them to a node."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TypedDict, Unpack

import click

from flows.cli.exit_codes import ATTENTION
from flows.cli.exports.options import (
    SelectionOptions,
    check_place,
    new_folder_argument,
    resend_option,
    selected,
    selection_options,
    send_option,
)
from flows.cli.options import chosen_resources
from flows.cli.paths import NamedPath
from flows.dicom_node import OWN_TITLE, Node
from flows.errors import UsageError
from flows.exports.dicom.exporting import Counts, Sender, send_to, write_folder
from flows.exports.dicom.identifiers import unidentified_text
from flows.exports.dicom.making import Kind, Left, Making, Request
from flows.resources import Resources


class _DicomOptions(TypedDict):
    films: tuple[Path, ...]
    pseudonymous: bool
    only: str | None
    resends: bool
    commit: str | None


class _Options(SelectionOptions, _DicomOptions):
    pass


@click.command()
@new_folder_argument
@selection_options
@click.option(
    "--film",
    "films",
    multiple=True,
    type=NamedPath(exists=True, dir_okay=False, path_type=Path),
    help="A film in hand, for patient and study; else films are read again from their sources.",
)
@click.option(
    "--pseudonymous",
    is_flag=True,
    help="Name patients by pseudonym, in studies of their own, and refer to no film.",
)
@click.option(
    "--only",
    type=click.Choice([kind.value for kind in Kind]),
    help="Only reports of images, or only pages of courses.",
)
@send_option("a DICOM node (AET@HOST:PORT)")
@resend_option
@click.option("--aet", default=OWN_TITLE, show_default=True, help="Our own AE title, for --send.")
@click.option(
    "--commit",
    metavar="HOST:PORT",
    help="After --send, ask the node to promise that it keeps all; its answers come to this "
    "address of ours, which it must know by our AE title.",
)
def dicom_command(
    folder: Path | None, *, send: str | None, aet: str, **options: Unpack[_Options]
) -> None:
    """Write reports and pages into FOLDER as DICOM, or send them to a node.

    Give FOLDER, which must be new or empty, or --send. Each image gets a structured report (TID
    1500) in the study of its film, each patient a page with the course in the study of the latest.
    """
    if options["films"] and options["pseudonymous"]:
        raise UsageError("give either --film or --pseudonymous")
    if options["commit"] and not send:
        raise UsageError("--commit is for --send alone")
    resends = options["resends"]
    check_place(folder, send, destination="AET@HOST:PORT", resends=resends)
    with chosen_resources() as resources:
        if folder is not None:
            making = Making(resources, _request(resources, options, sends=False))
            _tell(write_folder(making, folder), making.left, str(folder))
        elif send is not None:
            node = Node.parse(send)
            making = Making(resources, _request(resources, options, sends=True))
            counts = send_to(node, making, _sender(aet, options["commit"]), resends=resends)
            _tell(counts, making.left, str(node))


def _sender(title: str, answers_to: str | None) -> Sender:
    return Sender(title, None if answers_to is None else Node.parse(f"{title}@{answers_to}"))


def _request(resources: Resources, options: _Options, *, sends: bool) -> Request:
    _, chosen = selected(resources, options, sends=sends)
    only = options["only"]
    kinds = frozenset(Kind) if only is None else frozenset({Kind(only)})
    return Request(chosen, kinds, options["films"], by_pseudonym=options["pseudonymous"])


def _tell(counts: Counts, left: Left, place: str) -> None:
    made = " and ".join(
        f"{counts.made[kind]} {kind}{'' if counts.made[kind] == 1 else 's'}" for kind in Kind
    )
    known = f"; {counts.known} were there already" if counts.known else ""
    click.echo(f"{made} are in {place}{known}")
    for line in _notes(left):
        click.echo(line, err=True)
    if counts.unkept:
        click.echo(f"not promised to be kept, to be sent again: {counts.unkept}", err=True)
    if left.unidentified or counts.unkept:
        sys.exit(ATTENTION)


def _notes(left: Left) -> Iterator[str]:
    """Yield a line for each cause for which nothing was made."""
    if problem := unidentified_text(left.unidentified.values()):
        yield f"nothing was made of {problem}"
    if left.out_of_distribution:
        yield f"not reported, as out of distribution: {left.out_of_distribution}"
    if left.without_course:
        yield f"patients without a course, or due for `courses update`: {left.without_course}"
    if left.withdrawn:
        images = "1 image" if len(left.withdrawn) == 1 else f"{len(left.withdrawn)} images"
        # All of them, as nobody finds the others otherwise.
        ids = ", ".join(map(str, sorted(left.withdrawn)))
        yield (
            f"delete at the node the reports of {images} ({ids}), and pages that show them: "
            "withdrawn or moved since"
        )
