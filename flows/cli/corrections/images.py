"""The commands on single images: find them, and correct whether, when and whose they are."""

from collections.abc import Sequence
from datetime import datetime

import click

from db import corrections
from db.engine import Transaction
from db.reading import images
from flows.cli.corrections.correcting import author_options, confirm_change, correcting
from flows.cli.options import chosen_resources, issuer_option, json_option, known_patient_key
from flows.cli.terminal import terminal
from flows.errors import UsageError
from flows.reports import image_text, images_table, plain_json
from severity.domain import TimeSource
from severity.vocabulary.times import local_time

image_argument = click.argument("image_id", metavar="ID", type=click.IntRange(1))

_LONGEST_DATE = len("2020-03-05")  # characters; a longer TIME has a time of day


@click.command()
@click.argument("patient")
@issuer_option
@json_option
def list_command(patient: str, *, issuer: str, as_json: bool) -> None:
    """List PATIENT's images with the IDs that corrections take.

    Also those that count in no trend. PATIENT is the hospital's identifier, or a key p-1a2b...
    """
    with chosen_resources() as resources, resources.read_database().transaction() as session:
        key = known_patient_key(resources, session, patient, issuer)
        stored = images.of_patient(session, key)
    if as_json:
        click.echo(plain_json(stored))
        return
    terminal().print(images_table(stored))


@click.command()
@click.argument("image", metavar="ID|UID")
@json_option
def show_command(image: str, *, as_json: bool) -> None:
    """Show an image, where its file lies, and all corrections of it.

    File names may name patients.
    """
    with chosen_resources() as resources, resources.read_database().transaction() as session:
        stored = images.with_history(session, image)
    if not stored:
        raise UsageError("there is no image with this ID or UID")
    if as_json:
        click.echo(plain_json(stored))
        return
    for version in stored:
        terminal().print(image_text(version))


@click.command()
@image_argument
@author_options
def withdraw_command(image_id: int, **author: str) -> None:
    """Take the image ID out of all trends; its scores stay."""
    with correcting(**author) as correction:
        changed = corrections.withdraw(correction.session, correction.author, image_id)
    confirm_change(
        changed,
        f"Image {image_id} is withdrawn: it counts in no trend",
        undo=f"image restore {image_id}",
    )


@click.command()
@image_argument
@author_options
def restore_command(image_id: int, **author: str) -> None:
    """Let the image ID count again, after it was withdrawn or superseded.

    An image that took its place is superseded in turn; a released file may not take it any more.
    """
    with correcting(**author) as correction:
        session = correction.session
        before = _stored(session, image_id).standing
        others = corrections.in_place_of(session, image_id) if before == "superseded" else []
        changed = corrections.restore(session, correction.author, image_id)
    if before == "valid":
        confirm_change(changed, f"Image {image_id} keeps its place: no released file may take it")
        return
    undo = _restoring(others) if others else f"image withdraw {image_id}"
    confirm_change(changed, f"Image {image_id} counts in trends again", undo=undo)


@click.command()
@image_argument
@click.option("--to", "patient", metavar="PATIENT", required=True, help="Whose image it is.")
@issuer_option
@author_options
def move_command(image_id: int, *, patient: str, issuer: str, **author: str) -> None:
    """Let the image ID be of another patient; its scores stay."""
    with correcting(**author) as correction:
        session, key = correction.session, correction.patient_key(patient, issuer)
        before = _stored(session, image_id).patient_key
        changed = corrections.move(session, correction.author, image_id, key)
        others = len(images.of_patient(session, key)) - 1
    known = f"who has {others} more" if others else "who had none before"
    confirm_change(
        changed,
        f"Image {image_id} is of patient {key}, {known}",
        undo=f"image move {image_id} --to {before}",
    )


@click.command()
@image_argument
@click.argument("at", metavar="[TIME]", required=False, default="")
@click.option("--as-read", is_flag=True, help="Take the time of the file again.")
@author_options
def time_command(image_id: int, *, at: str, as_read: bool, **author: str) -> None:
    """State when the image ID was taken, as in "2020-03-05 14:30" or with an offset.

    Without an offset, TIME is in the time zone of the image's source. Without a time of day
    only the date is known: images of that day are in no order.
    """
    if bool(at) == as_read:
        raise UsageError("give either TIME or --as-read")
    stated = None if as_read else _parsed(at)
    with correcting(**author) as correction:
        session, by = correction.session, correction.author
        before = _stored(session, image_id)
        if stated is None:
            changed = corrections.restore_time(session, by, image_id)
        else:
            is_date_alone = len(at.strip()) <= _LONGEST_DATE
            corrections.correct_time(session, by, image_id, stated, is_date_alone=is_date_alone)
            changed = True
        after = _time_text(_stored(session, image_id)) or "an unknown time"
    former = f'"{_time_text(before)}"' if _is_corrected(before) else "--as-read"
    done = f"Image {image_id} was taken at {after}"
    confirm_change(changed, done, undo=f"image time {image_id} {former}")


@click.command()
@image_argument
@click.option("--model-version", help="The model version; all that failed if absent.")
@author_options
def release_command(image_id: int, *, model_version: str | None, **author: str) -> None:
    """Let the image ID wait again for model versions that could not score it."""
    with correcting(**author) as correction:
        released = corrections.release_failed(
            correction.session, correction.author, image_id, model_version=model_version
        )
    versions = "1 model version" if released == 1 else f"{released} model versions"
    confirm_change(
        released > 0, f"Image {image_id} waits again for {versions}; the next run tries it"
    )


def _stored(session: Transaction, image_id: int) -> images.StoredImage:
    for version in images.with_history(session, str(image_id)):
        if version.image.image_id == image_id:
            return version.image
    raise UsageError(f"there is no image {image_id}")


def _restoring(image_ids: Sequence[int]) -> str:
    """Return the command that restores images, of which each needs one of its own."""
    return " --why ...; cxr-severity ".join(f"image restore {image_id}" for image_id in image_ids)


def _is_corrected(image: images.StoredImage) -> bool:
    return image.acquired_source in {TimeSource.CORRECTED, TimeSource.CORRECTED_DATE}


def _time_text(image: images.StoredImage) -> str:
    """Return when an image was taken as TIME states it, in its own zone; empty if unknown."""
    if image.acquired_at is None:
        return ""
    local = local_time(image.acquired_at, image.acquired_zone)
    is_date_alone = TimeSource(image.acquired_source).is_date_alone
    return local.date().isoformat() if is_date_alone else str(local)


def _parsed(at: str) -> datetime:
    try:
        return datetime.fromisoformat(at)
    except ValueError as error:
        raise UsageError("TIME is not like 2020-03-05T14:30 or 2020-03-05T14:30+01:00") from error
