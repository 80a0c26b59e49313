"""The balance as a person reads it."""

from dataclasses import replace

from db.reading.site.balances import SourceBalance, VersionBalance
from flows.reports.balance_text import balance_text
from tests.builders.terminal import shown

VERSION = VersionBalance("v1", scored=2)
BALANCE = SourceBalance("/inbox", seen=3, accepted=2, rejected=1, versions=(VERSION,))


def text(balance: SourceBalance) -> str:
    return "\n".join(shown(balance_text(balance)))


def test_the_balance_says_how_many_images_are_out_of_distribution() -> None:
    flagged = replace(BALANCE, versions=(replace(VERSION, out_of_distribution=1),))

    assert "out of distribution" not in text(BALANCE)
    assert "1 scored image is out of distribution" in text(flagged)


def test_a_loss_is_shown_where_it_was_lost() -> None:
    unseen = replace(BALANCE, seen=4)
    unscored = replace(BALANCE, versions=(replace(VERSION, scored=1),))

    assert "DOES NOT HOLD" not in text(BALANCE)
    assert "DOES NOT HOLD" in text(unseen).splitlines()[0]
    assert "DOES NOT HOLD" in text(unscored).splitlines()[1]
