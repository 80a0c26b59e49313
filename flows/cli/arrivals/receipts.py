"""The command that accounts for every film that a sender was told is stored."""

import json
import sys
from datetime import UTC, date, datetime, timedelta

import click

from flows.arrivals.accounting import Account, Accounting
from flows.cli.exit_codes import ATTENTION
from flows.cli.options import chosen_resources, json_option
from severity.domain import RESEARCH_USE_ONLY

_SHOWN = 20


@click.command()
@click.option("--dismiss", is_flag=True, help="Mark the films that are lost as seen to.")
@click.option(
    "--forget",
    "days",
    metavar="DAYS",
    type=click.IntRange(1),
    help="Delete the receipts of days before that, of films that were scored or rejected.",
)
@json_option
def receipts_command(*, dismiss: bool, days: int | None, as_json: bool) -> None:
    """Show what became of every film that a sender was told is stored.

    Ends with exit code 3 if one is lost: it lies neither in the drop folder nor in the ledger.
    """
    with chosen_resources() as resources:
        accounting = Accounting.of(resources)
        account = accounting.account()
        if dismiss:
            accounting.receipts.dismiss(receipt.key for receipt in account.lost)
            account = accounting.account()
        forgotten = accounting.forget(_today() - timedelta(days)) if days else 0
    click.echo(_json(account) if as_json else _text(account, forgotten))
    if account.lost:
        sys.exit(ATTENTION)


def _today() -> date:
    return datetime.now(UTC).date()


def _text(account: Account, forgotten: int) -> str:
    counts = (f"{count} {became}" for became, count in sorted(account.films.items()))
    lines = [f"{account.answered} films answered with success: {', '.join(counts) or 'none'}"]
    lines += [
        f"lost: {lost.key}, of {lost.at:%Y-%m-%d %H:%M} UTC" for lost in account.lost[:_SHOWN]
    ]
    if len(account.lost) > _SHOWN:
        lines.append(f"and {len(account.lost) - _SHOWN} more; --json lists all")
    if forgotten:
        lines.append(f"Receipts of {forgotten} days were deleted.")
    return "\n".join([*lines, RESEARCH_USE_ONLY])


def _json(account: Account) -> str:
    lost = [{"key": lost.key, "at": lost.at.isoformat()} for lost in account.lost]
    films = {str(became): count for became, count in sorted(account.films.items())}
    return json.dumps({"answered": account.answered, "films": films, "lost": lost})
