"""Whether every file that arrived in a year is accounted for."""

from collections.abc import Mapping

from benchmarks.year.films import Arrived, Kind
from benchmarks.year.nights import lost_scores, scores_by_image
from benchmarks.year.site import Site
from db.reading.site import balances

# In points: the other images of a batch move the last bit of a score, by the head's product.
_LAST_BITS = 1e-6
_WORK = "SELECT count(*) FROM work WHERE coalesce(reason, '')"


def accounts(site: Site, arrived: Arrived) -> dict[str, int]:
    """Return counts of the year; those whose name begins with ``wrong`` must be 0."""
    with site.database.transaction() as session:
        differing = balances.verify(session)
        (balance,) = balances.balances(session)
    films = {arrival.image_uid for arrival in arrived.of(Kind.FILM)}
    stored = _stored(site)
    scores = scores_by_image(site)
    again = lost_scores(site.folder)
    others = arrived.of(Kind.LATERAL, Kind.DAMAGED)
    return {
        "files that arrived": len(arrived.all),
        "films among them": len(films),
        "copies of films": len(arrived.of(Kind.COPY)),
        "laterals and damaged files": len(others),
        "scores": len(scores),
        "corrections": site.value("SELECT count(*) FROM correction"),
        "runs": site.value("SELECT count(*) FROM run"),
        "wrong: films that are no image": len(films - stored.keys()),
        "wrong: images that are no film": len(stored.keys() - films),
        "wrong: films that are several images": sum(count > 1 for count in stored.values()),
        "wrong: films without a score": len(films - {name.split()[0] for name in scores}),
        "scores that restores lost": len(again),
        "wrong: of these, scores that came back otherwise": sum(
            not _is_same(scores.get(name), values) for name, values in again.items()
        ),
        "wrong: rejections too many or too few": abs(balance.rejected - len(others)),
        "wrong: copies too many or too few": abs(balance.copies - len(arrived.of(Kind.COPY))),
        "gone before the second model could score them": site.value(f"{_WORK} = 'vanished'"),
        "wrong: work that is left": site.value(f"{_WORK} <> 'vanished'"),
        "wrong: counters that differ from the rows": len(differing),
        "wrong: balances that do not hold": int(not balance.holds),
    }


def is_whole(counts: Mapping[str, int]) -> bool:
    """Return whether nothing is wrong."""
    return not any(count for name, count in counts.items() if name.startswith("wrong"))


def _is_same(score: list[float] | None, other: list[float]) -> bool:
    return score is not None and all(
        abs(value - before) < _LAST_BITS for value, before in zip(score, other, strict=True)
    )


def _stored(site: Site) -> dict[str, int]:
    query = "SELECT image_uid, count(*) FROM image WHERE standing <> 'superseded' GROUP BY 1"
    with site.database.connection() as connection:
        return {row[0]: row[1] for row in connection.exec_driver_sql(query)}
