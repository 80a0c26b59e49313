"""The commands on patients: merge and split them, show what was done and who looked, forget one."""

from pathlib import Path

import click

from db import corrections, lookups
from db.engine import Transaction
from db.errors import RefusedCorrection
from db.reading import history, images
from flows.cli.corrections.correcting import Correction, author_options, confirm, correcting
from flows.cli.corrections.merge_list import read_merge_list
from flows.cli.options import (
    chosen_resources,
    issuer_option,
    json_option,
    known_patient_key,
    patient_key,
)
from flows.cli.paths import NamedPath
from flows.cli.terminal import terminal
from flows.errors import UsageError
from flows.reports import history_table, lookups_table, plain_json
from severity.domain import RESEARCH_USE_ONLY

_PAGE = 50  # lookups
_MOST_ERRORS = 5  # of a list that are named in one line


@click.command()
@click.argument("patient", required=False, default="")
@click.option("--into", default="", metavar="PATIENT", help="In whose trends the images count.")
@issuer_option
@click.option(
    "--from-csv",
    "merge_list",
    type=NamedPath(exists=True, dir_okay=False, path_type=Path),
    help="Merge all pairs of this file instead: columns patient, into, issuer, into_issuer.",
)
@author_options
def merge_command(
    patient: str, *, into: str, issuer: str, merge_list: Path | None, **author: str
) -> None:
    """Let PATIENT's images count in another's trends, as HL7's ADT A40 means it.

    PATIENT is the hospital's identifier, or a key p-1a2b... With --from-csv, all pairs are merged
    or none; the last two columns are optional. The same merge again changes nothing.
    """
    if merge_list is not None and not (patient or into):
        _merge_list(merge_list, author)
    elif patient and into and merge_list is None:
        with correcting(**author) as correction:
            key = correction.patient_key(patient, issuer)
            into_key = correction.patient_key(into, issuer)
            done = _merge(correction, key, into_key)
        if done:
            confirm(done, undo=f"patient split {key}")
        else:
            confirm(f"Nothing changed: {key} is merged into {into_key} already")
    else:
        raise UsageError("give either PATIENT and --into PATIENT, or --from-csv FILE")


@click.command()
@click.argument("patient")
@issuer_option
@author_options
def split_command(patient: str, *, issuer: str, **author: str) -> None:
    """Undo the merge of PATIENT into another."""
    with correcting(**author) as correction:
        session, key = correction.session, correction.patient_key(patient, issuer)
        into = corrections.merged_into(session, key)
        changed = corrections.split(session, correction.author, key)
    if changed:
        confirm(f"{key} is a patient apart again", undo=f"patient merge {key} --into {into}")
    else:
        confirm(f"Nothing changed: {key} is merged into no other patient")


@click.command()
@click.argument("patient")
@issuer_option
@json_option
def history_command(patient: str, *, issuer: str, as_json: bool) -> None:
    """Show all corrections of PATIENT and of the images."""
    with chosen_resources() as resources, resources.read_database().transaction() as session:
        key = known_patient_key(resources, session, patient, issuer)
        events = history.of_patient(session, key)
    if as_json:
        click.echo(plain_json(events))
        return
    terminal().print(history_table(events))
    terminal().print(RESEARCH_USE_ONLY)


@click.command()
@click.argument("patient", required=False)
@issuer_option
@click.option("--who", help="Only what this person looked at.")
@click.option("--page", type=click.IntRange(1), default=1, help="50 on each page.")
@json_option
def lookups_command(
    patient: str | None, *, issuer: str, who: str | None, page: int, as_json: bool
) -> None:
    """List who looked at PATIENT on the dashboard, or at anyone, when and on which page."""
    with chosen_resources() as resources, resources.read_database().transaction() as session:
        key = None if patient is None else known_patient_key(resources, session, patient, issuer)
        chosen = lookups.LookupFilter(key, who)
        shown = lookups.lookups(session, chosen, limit=_PAGE, offset=(page - 1) * _PAGE)
    if as_json:
        click.echo(plain_json(shown))
        return
    terminal().print(lookups_table(shown))


@click.command()
@click.argument("patient")
@issuer_option
@click.option(
    "--rejected",
    multiple=True,
    type=click.IntRange(1),
    metavar="ID",
    help="A rejected file that shows this patient too; once for each.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@author_options
def forget_command(
    patient: str, *, issuer: str, rejected: tuple[int, ...], yes: bool, **author: str
) -> None:
    """Erase PATIENT everywhere: merged patients, images, scores, corrections, lookups.

    This cannot be undone. Remove the files from their source first, and let a run see that they
    are gone: a file that is still there is not scored again, but its folder names it. Only the
    owner of the tables may forget. Who, why and the counts are kept: let WHY name nobody.
    """
    with chosen_resources() as resources, resources.read_database().transaction() as session:
        key = patient_key(resources, patient, issuer)
        count = len(images.of_patient(session, key))
    if not yes:
        typed = click.prompt(f"This erases {key} with {count} images for ever. Type {key}")
        if typed != key:
            raise UsageError("that is another key; nothing was erased")
    with correcting(**author) as correction:
        forgotten = corrections.forget(
            correction.session, correction.author, key, rejected=rejected
        )
    confirm(
        f"Forgotten; erased: patients {forgotten.patients}, images {forgotten.images}, "
        f"scores {forgotten.scores}, files {forgotten.objects}. It cannot be undone"
    )


def _merge(correction: Correction, key: str, into_key: str) -> str:
    """Merge two patients and return what that did; an empty text if they were merged already."""
    session = correction.session
    counts = [_own_images(session, patient) for patient in (key, into_key)]
    if not corrections.merge(session, correction.author, key, into_key):
        return ""
    return f"{key} ({counts[0]}) counts as {into_key} ({counts[1]})"


def _own_images(session: Transaction, key: str) -> str:
    count = sum(image.patient_key == key for image in images.of_patient(session, key))
    return "1 image" if count == 1 else f"{count} images"


def _merge_list(path: Path, author: dict[str, str]) -> None:
    """Merge all pairs of a file, or none."""
    pairs = read_merge_list(path)
    merged, errors = dict[str, str](), list[str]()
    with correcting(**author) as correction:
        for pair in pairs:
            key = correction.patient_key(pair.patient, pair.issuer)
            into_key = correction.patient_key(pair.into, pair.into_issuer)
            try:
                if done := _merge(correction, key, into_key):
                    merged[key] = done
            except RefusedCorrection as error:
                errors.append(f"line {pair.line}: {error}")
        if errors:
            more = f"; and {len(errors) - _MOST_ERRORS} more" if len(errors) > _MOST_ERRORS else ""
            raise UsageError(f"{'; '.join(errors[:_MOST_ERRORS])}{more}. Nothing was merged")
    for key, done in merged.items():
        confirm(done, undo=f"patient split {key}")
    if merged:
        pairs_merged = "1 pair" if len(merged) == 1 else f"{len(merged)} pairs"
        confirm(f"Merged: {pairs_merged} of patients")
    else:
        confirm("Nothing changed: all pairs are merged already")
