"""What became of each film that a sender was told is stored: scored, rejected, waiting or lost."""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from itertools import islice
from pathlib import Path

from db.engine import Database
from db.reading.site import arrivals
from db.reading.site.arrivals import Fate
from flows.arrivals.location import drop_folder, listed_from
from flows.arrivals.receipts import Receipt, Receipts
from flows.resources import Resources
from flows.sources import to_key

_AT_ONCE = 1000  # receipts in one question to the database


class Unlisted(StrEnum):
    """What became of a film that no pass has listed, or that went before it was judged."""

    PRESENT = "present"  # it lies in the folder: the next pass lists it
    LOST = "lost"  # it lies neither there nor in the ledger
    DISMISSED = "dismissed"  # lost, and seen to by a person


SETTLED = frozenset({Fate.SCORED, Fate.REJECTED, Unlisted.DISMISSED})


@dataclass
class Account:
    """How many films were answered with success, and what became of them. ``lost`` has keys."""

    films: Counter[Fate | Unlisted] = field(default_factory=Counter)
    lost: list[Receipt] = field(default_factory=list)

    @property
    def answered(self) -> int:
        """How many different films senders were told are stored."""
        return self.films.total()


@dataclass(frozen=True)
class Accounting:
    """Compares receipts with a drop folder and the ledger.

    ``source`` is where the ledger has the folder's files: the folder, or one above it.
    """

    receipts: Receipts
    folder: Path
    source: Path
    database: Database

    @classmethod
    def of(cls, resources: Resources) -> "Accounting":
        """Return the accounting of the receiver that the settings describe.

        Raises
        ------
        UsageError
            No drop folder is set.
        DatabaseError
            The database cannot be used.
        """
        settings = resources.settings
        folder = drop_folder(settings)
        source = listed_from(folder, settings)
        return cls(Receipts.of(settings.home), folder, source, resources.read_database())

    def account(self) -> Account:
        """Return what became of the films of all receipts."""
        account, seen = Account(), set[str]()
        dismissed = self.receipts.dismissed()
        for batch in self._batches(self.receipts.days()):
            # The same film sent twice is one file, with two receipts.
            fresh = {receipt.key: receipt for receipt in batch if receipt.key not in seen}
            seen.update(fresh)
            for key, became in self._became(list(fresh), dismissed):
                account.films[became] += 1
                if became is Unlisted.LOST:
                    account.lost.append(fresh[key])
        return account

    def forget(self, before: date) -> int:
        """Delete the receipts of days before this one whose films are settled.

        Those of others stay, for as long as it takes. Those of a whole day would have to outlive
        what the ledger knows of places that are gone, by which its other films would seem lost.

        Returns
        -------
        Of how many days.
        """
        dismissed = self.receipts.dismissed()
        return sum(self._forget(day, dismissed) for day in self.receipts.days() if day < before)

    def _forget(self, day: date, dismissed: frozenset[str]) -> bool:
        """Delete the receipts of a day whose films are settled; return whether there are any."""
        settled = set[str]()
        for batch in self._batches([day]):
            keys = list({receipt.key for receipt in batch})
            settled |= {key for key, became in self._became(keys, dismissed) if became in SETTLED}
        if settled:
            self.receipts.forget(day, settled)
        return bool(settled)

    def _batches(self, days: list[date]) -> Iterator[list[Receipt]]:
        for day in days:
            receipts = self.receipts.read(day)
            while batch := list(islice(receipts, _AT_ONCE)):
                yield batch

    def _became(
        self, keys: list[str], dismissed: frozenset[str]
    ) -> Iterator[tuple[str, Fate | Unlisted]]:
        # First the folder: a file that is moved away once it is scored is in the ledger by then.
        present = {key for key in keys if (self.folder / key).exists()}
        with self.database.transaction() as session:
            below = self.folder.relative_to(self.source)
            listed = [to_key(os.fsencode(below / key)) for key in keys]
            fates = arrivals.fates(session, str(self.source), listed)
        for key, fate in zip(keys, fates, strict=True):
            if fate is not None:
                yield key, fate
            elif key in present:
                yield key, Unlisted.PRESENT
            else:
                yield key, Unlisted.DISMISSED if key in dismissed else Unlisted.LOST
