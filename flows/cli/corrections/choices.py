"""The commands that choose for one patient: the baseline of courses, the length of episodes."""

import click

from db.courses.choices import (
    Baseline,
    choose_baseline,
    choose_episode,
    of_patient,
    person_id,
)
from db.engine import Transaction
from flows.cli.corrections.correcting import author_options, confirm, correcting
from flows.cli.options import issuer_option
from flows.errors import UsageError

_clear = click.option("--clear", is_flag=True, help="Choose nothing, as for other patients.")


@click.command()
@click.argument("patient")
@click.argument("image_id", metavar="[IMAGE]", type=click.IntRange(1), required=False)
@click.option("--event", "event_id", metavar="ID", type=click.IntRange(1), help="Of `events list`.")
@_clear
@issuer_option
@author_options
def baseline_command(
    patient: str,
    *,
    image_id: int | None,
    event_id: int | None,
    clear: bool,
    issuer: str,
    **author: str,
) -> None:
    """Compare PATIENT's episode with IMAGE, or with the last image before a treatment.

    Without it, an episode is compared with its first image that is in distribution. The other
    episodes of PATIENT stay as they are. IMAGE is an ID of `image list PATIENT`.
    """
    if [image_id is not None, event_id is not None, clear].count(True) != 1:
        raise UsageError("give either IMAGE, --event ID or --clear")
    with correcting(**author) as correction:
        key = correction.patient_key(patient, issuer)
        chosen = Baseline(image_id, event_id)
        before = _baseline_arguments(of_patient(correction.session, key).baseline)
        changed = choose_baseline(correction.session, correction.author, key, chosen)
        if event_id is not None:
            _check_has_baseline(correction.session, key, event_id)
    named = f"image {image_id}" if image_id else f"the last image before event {event_id}"
    done = "is chosen by nobody" if clear else f"is {named}"
    _confirm(changed, f"The baseline of {key} {done}", undo=f"patient baseline {key} {before}")


@click.command()
@click.argument("patient")
@click.argument("days", metavar="[DAYS]", type=click.FloatRange(0, min_open=True), required=False)
@_clear
@issuer_option
@author_options
def episode_command(
    patient: str, *, days: float | None, clear: bool, issuer: str, **author: str
) -> None:
    """Let PATIENT's episodes end after DAYS without an image.

    Those of other patients end after SEVERITY_EPISODE_DAYS.
    """
    if (days is None) != clear:
        raise UsageError("give either DAYS or --clear")
    with correcting(**author) as correction:
        key = correction.patient_key(patient, issuer)
        before = of_patient(correction.session, key).episode_days or "--clear"
        changed = choose_episode(correction.session, correction.author, key, days)
    done = "as all others" if days is None else f"after {days:g} days without an image"
    _confirm(changed, f"Episodes of {key} end {done}", undo=f"patient episode {key} {before}")


def _check_has_baseline(session: Transaction, key: str, event_id: int) -> None:
    """Raise UsageError where no image in distribution precedes an event in its episode."""
    # Imported here: it computes with SciPy, and other commands need not wait for that.
    from flows.courses.choosing import treatment_has_baseline  # noqa: PLC0415

    if not treatment_has_baseline(session, person_id(session, key)):
        raise UsageError(
            f"no image of {key} that is in distribution precedes event {event_id} in its episode"
        )


def _baseline_arguments(baseline: Baseline) -> str:
    """Return the arguments by which a baseline is chosen."""
    if baseline.image_id is not None:
        return str(baseline.image_id)
    return "--clear" if baseline.event_id is None else f"--event {baseline.event_id}"


def _confirm(changed: bool, done: str, *, undo: str) -> None:  # noqa: FBT001 - as its sibling
    if changed:
        confirm(f"{done}; the next pass or `courses update` computes it", undo=undo)
    else:
        confirm(f"Nothing changed: {done[0].lower()}{done[1:]} already")
