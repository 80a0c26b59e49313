"""The nights of a simulated year, and what happens on each."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from benchmarks.jobs import BenchmarkError
from benchmarks.year.correcting import correct
from benchmarks.year.failures import FAILURES
from benchmarks.year.films import Arrived, Kind, arrivals, write_arrival
from benchmarks.year.site import Site
from benchmarks.year.sizes import memory, prefect_rows, sizes

_KEPT_NIGHTS = 14  # after which the hospital empties the inbox
_FIRST_MODEL, _SECOND_MODEL = "compact-1", "compact-2"
_SECONDS_OF_A_DAY = 86_400
_ATTENTION = 3
_BACKUPS = 2
_UPGRADE, _RESTORES = 0.4, (0.3, 0.7)  # of all nights


@dataclass(frozen=True)
class Plan:
    """How long, and how much of each: nights, polls and films of a night, patients."""

    nights: int
    polls: int
    films: int
    patients: int
    failures_every: int
    commands_every: int

    @property
    def upgrade(self) -> int:
        """The night before which another model is chosen."""
        return round(_UPGRADE * self.nights)

    def model_after(self, nights: int) -> str:
        """Return the model that is chosen after so many nights."""
        return _SECOND_MODEL if nights > self.upgrade else _FIRST_MODEL

    @property
    def restores(self) -> set[int]:
        """The nights before which the database is lost, and restored from the last backup."""
        return {round(part * self.nights) for part in _RESTORES}

    @property
    def backup_every(self) -> int:
        """Nights from one backup to the next: a week, where there are so many."""
        return max(1, min(7, self.nights // 8))


class Nights:
    """Lets one night after another happen at a site, and measures each."""

    def __init__(self, site: Site, plan: Plan, began: datetime) -> None:
        self._site, self._plan, self._began = site, plan, began
        self.arrived = Arrived(site.folder / "arrived.csv")
        self._events: list[str] = []

    def night(self, night: int) -> dict[str, object]:
        """Let a day and a night pass; return what was measured, by name."""
        site, plan = self._site, self._plan
        self._events = []
        polls = self._poll()
        site.clock.move_to(self._began + timedelta(days=night + 1))
        self._let_things_happen(night)
        self._let_films_arrive(night)
        has_failed = self._fail(night)
        # After a failure too: a program that starts finds the database stopped, and starts it.
        commands = self._commands() if has_failed or night % plan.commands_every == 0 else {}
        last = site.passes(1)
        if night == plan.upgrade:
            self._retire()
        if night % plan.backup_every == 0:
            self._back_up(night)
        return {
            "night": night,
            "day": f"{site.clock.now():%Y-%m-%d}",
            "events": "; ".join(self._events),
            "polls": plan.polls,
            "poll seconds": polls,
            "scores": site.value("SELECT count(*) FROM score"),
            "pass seconds": last["seconds"],
            "memory passes": last["bytes"],
            "run seconds": commands.get("run seconds", ""),
            "memory run": commands.get("memory run", ""),
            "status seconds": commands.get("status seconds", ""),
            **memory(site),
            **sizes(site),
            **prefect_rows(site),
        }

    def _poll(self) -> float:
        """Let a day pass in which nothing arrives; return the seconds of each of its passes."""
        polls = self._plan.polls
        if not polls:
            return 0.0
        measured = self._site.passes(polls, skip=_SECONDS_OF_A_DAY // polls)
        if measured["scored"]:
            raise BenchmarkError("a pass that should have been empty found an image")
        return measured["seconds"] / polls

    def _commands(self) -> dict[str, object]:
        """Make the night's pass by the command, in a process of its own; ask for the status."""
        ended = self._site.command("run")
        status = self._site.command("status", codes=(0, _ATTENTION))
        return {
            "run seconds": ended.seconds,
            "memory run": ended.peak_bytes,
            "status seconds": status.seconds,
        }

    def _let_films_arrive(self, night: int) -> None:
        # The same if a night that was interrupted is begun again: other times are other files.
        site, at = self._site, self._began + timedelta(days=night + 1, minutes=-5)
        for arrival in arrivals(night, self._plan.films):
            write_arrival(arrival, site.inbox, at=at, patients=self._plan.patients)
            self.arrived.add(arrival)
        for old in arrivals(night - _KEPT_NIGHTS, self._plan.films):
            (site.inbox / old.name).unlink(missing_ok=True)

    def _let_things_happen(self, night: int) -> None:
        """Restore, upgrade and correct what is due before this night."""
        if night in self._plan.restores:
            self._restore()
        if night == self._plan.upgrade:
            self._site.model = _SECOND_MODEL
            self._site.start_passing()
            self._events.append("model upgraded")
        if self.arrived.of(Kind.FILM):
            self._events += correct(self._site)

    def _fail(self, night: int) -> bool:
        """Let something fail in the night's pass, if it is time; return whether it was."""
        every = self._plan.failures_every
        if not every or not night or night % every:
            return False
        names = list(FAILURES)
        name = names[night // every % len(names)]
        self._events.append(f"{name}: {FAILURES[name](self._site)}")
        return True

    def _retire(self) -> None:
        """Want the former model no more, as its documentation asks for after an upgrade."""
        former = self._site.value(
            "SELECT key FROM model_version ORDER BY id LIMIT 1"  # the first that ever scored
        )
        self._site.command("model", "retire", str(former))

    # Backups

    def _back_up(self, night: int) -> None:
        site = self._site
        file = site.backups / f"night-{night:04}.dump"
        site.command("db", "backup", str(file))
        for older in sorted(site.backups.glob("*.dump"))[:-_BACKUPS]:
            older.unlink()
        self._events.append("backup")

    def _restore(self) -> None:
        """Lose the database, restore the last backup, and see that each score comes back."""
        site = self._site
        lost = scores_by_image(site)
        site.stop_database()
        shutil.rmtree(site.postgres)
        last = max(site.backups.glob("*.dump"))
        site.command("db", "restore", str(last))
        kept = scores_by_image(site)
        site.start_passing()
        again = lost_scores(site.folder) | _without(lost, kept)
        (site.folder / "lost.json").write_text(json.dumps(again))
        self._events.append(f"restored {last.stem}: {len(lost) - len(kept)} scores to do again")


def scores_by_image(site: Site) -> dict[str, list[float]]:
    """Return the raw values of each score, by the image's UID and the model version."""
    query = """
        SELECT image_uid || ' ' || key, geographic_extent_raw, opacity_raw
        FROM score JOIN image ON image.id = image_id
            JOIN model_version ON model_version.id = model_version_id
    """
    with site.database.connection() as connection:
        return {row[0]: [row[1], row[2]] for row in connection.exec_driver_sql(query)}


def _without(
    lost: Mapping[str, list[float]], kept: Mapping[str, list[float]]
) -> dict[str, list[float]]:
    return {name: values for name, values in lost.items() if name not in kept}


def lost_scores(folder: Path) -> dict[str, list[float]]:
    """Return the scores that restores lost, as `scores_by_image` does."""
    file = folder / "lost.json"
    return dict(json.loads(file.read_text())) if file.exists() else {}
