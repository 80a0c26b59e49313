"""The balance as a person reads it."""

from dataclasses import replace

from db.reading.balances import Balance
from flows.reports.balance_text import balance_line
from tests.builders.terminal import shown


def test_the_balance_says_how_many_images_are_out_of_distribution() -> None:
    balance = Balance(seen=3, scored=2, rejected=1, pending=0, copies=0)

    assert "out of distribution" not in "\n".join(shown(balance_line(balance)))
    assert "1 scored image is out of distribution" in "\n".join(
        shown(balance_line(replace(balance, out_of_distribution=1)))
    )
