"""The command that renews the pseudonym secret."""

import click

from flows.cli.options import chosen_resources
from flows.cli.terminal import terminal
from flows.operations.secret_renewal import Renewal, renew_secret


@click.command()
def renew_secret_command() -> None:
    """Renew the pseudonym secret, and all keys that were made with it.

    For when the secret may have become known, or a rule asks for it. End all that uses the database
    first. Patients keep their courses; the keys p-... by which pages and exports name them are
    others afterwards. Safe to kill at any moment and to run again.
    """
    with chosen_resources() as resources:
        renewal = renew_secret(resources)
    terminal().print(_text(renewal))


def _text(renewal: Renewal) -> str:
    counts = renewal.renewed
    done = (
        f"{counts.patients} patients have new keys, {counts.objects} files and {counts.places} "
        "places too."
    )
    if renewal.is_in_place:
        return f"{done}\nKeep a copy of {renewal.file} elsewhere: older copies no longer suffice."
    return (
        f"{done}\nSet SEVERITY_PSEUDONYM_KEY to what {renewal.file} holds, for every program, and "
        "keep a copy elsewhere; the former value is refused from now on."
    )
