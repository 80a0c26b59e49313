"""The balance: what became of all that was ever seen in each source, by each model version."""

from dataclasses import dataclass, field

from sqlalchemy import text
from sqlalchemy.orm import Session


@dataclass(frozen=True)
class VersionBalance:
    """What became of the accepted images of a source by one model version, as counts.

    ``out_of_distribution`` counts a part of the scored images. ``is_enlisted`` is False while
    images that were accepted before the version was wanted are still being enlisted for it.
    """

    model_version: str
    scored: int = 0
    waiting: int = 0
    failed: int = 0
    out_of_distribution: int = 0
    is_enlisted: bool = True


@dataclass(frozen=True)
class SourceBalance:
    """What became of all that was ever seen in a source, as counts.

    ``unread`` waits to be judged, or cannot be read; ``obstacles`` are those of them that could
    not even be opened. ``copies`` are files whose content was seen already under another name, and
    are not counted in ``seen``. ``withdrawn`` counts a part of the accepted images. ``source`` is
    its location, and ``name`` what the site calls it.
    """

    source: str
    seen: int = 0
    accepted: int = 0
    rejected: int = 0
    unread: int = 0
    copies: int = 0
    obstacles: int = 0
    withdrawn: int = 0
    versions: tuple[VersionBalance, ...] = field(default=())
    name: str = ""

    @property
    def holds(self) -> bool:
        """Whether nothing was lost."""
        return self.seen == self.accepted + self.rejected + self.unread and all(
            self.holds_for(version) for version in self.versions
        )

    def holds_for(self, version: VersionBalance) -> bool:
        """Whether no accepted image was lost on its way to a model version's score."""
        closed = version.scored + version.waiting + version.failed + self.withdrawn
        return self.accepted == closed or not version.is_enlisted

    def of(self, model_version: str) -> VersionBalance:
        """Return the counts of one model version; none if it is not wanted here."""
        by_key = {version.model_version: version for version in self.versions}
        return by_key.get(model_version, VersionBalance(model_version))


@dataclass(frozen=True)
class Discrepancy:
    """A counter that differs from the rows that it counts; those of courses have no source."""

    source: str
    model_version: str
    what: str
    reason: str
    counted: int
    rows: int


def balances(session: Session) -> list[SourceBalance]:
    """Return the balance of each source, by the counters that the database keeps."""
    versions: dict[str, list[VersionBalance]] = {}
    for row in session.execute(_VERSIONS).mappings():
        columns = dict(row)
        versions.setdefault(columns.pop("source"), []).append(VersionBalance(**columns))
    return [
        SourceBalance(**row, versions=tuple(versions.get(row["source"], ())))
        for row in session.execute(_SOURCES).mappings()
    ]


def balance(session: Session, source: str) -> SourceBalance:
    """Return the balance of one source; empty if nothing was ever seen in it."""
    by_source = {entry.source: entry for entry in balances(session)}
    return by_source.get(source, SourceBalance(source))


def rejections(session: Session, source: str | None = None) -> dict[str, int]:
    """Count the rejected objects by reason, the most frequent first."""
    rows = session.execute(_REASONS, {"source": source}).all()
    return {row.reason: row.objects for row in rows}


def fates(session: Session, source: str, model_version: str) -> list[tuple[str, str, str]]:
    """List what became of each object of a source: its key, the state or reason, the detail.

    Of a scored image the detail is why it is out of distribution, if it is.
    Object keys may name patients: for the operator's eyes, never for a log.
    """
    rows = session.execute(_FATES, {"source": source, "model": model_version}).all()
    return [(key, fate, detail) for key, fate, detail in rows]


def verify(session: Session) -> list[Discrepancy]:
    """Compare the counters with the rows that they count; it reads every row."""
    statements = (_VERIFY, _VERIFY_LEVELS)
    return [Discrepancy(*row) for statement in statements for row in session.execute(statement)]


_SOURCES = text(
    """
    SELECT source, seen, accepted, rejected, unread, copies, obstacles, withdrawn,
        source_name AS name
    FROM source_balance ORDER BY source
    """
)

_VERSIONS = text(
    """
    SELECT source, model_version, scored, waiting, failed, out_of_distribution, is_enlisted
    FROM balance ORDER BY source, model_version
    """
)

_REASONS = text(
    """
    SELECT reason, CAST(sum(objects) AS bigint) AS objects FROM reasons
    WHERE what = 'rejected' AND source = coalesce(CAST(:source AS text), source)
    GROUP BY reason ORDER BY sum(objects) DESC, reason
    """
)

_FATES = text(
    """
    SELECT object_key,
        CASE
            WHEN sighting.is_copy THEN 'copy'
            WHEN object.id IS NULL THEN sighting.obstacle
            WHEN object.state = 'rejected' THEN object.reason
            WHEN image.standing <> 'valid' THEN CAST(image.standing AS text)
            WHEN score.image_id IS NOT NULL THEN 'scored'
            ELSE coalesce(work.reason, CAST(work.state AS text), 'accepted')
        END,
        CASE
            WHEN sighting.is_copy THEN 'the same file as ' || coalesce((
                SELECT object_key FROM sighting AS original
                WHERE original.object_id = object.id AND NOT original.is_copy
                ORDER BY original.id LIMIT 1
            ), 'one that is gone')
            ELSE coalesce(
                object.detail, work.detail, 'out of distribution: ' || score.out_of_distribution, ''
            )
        END
    FROM sighting
    JOIN source ON source.id = sighting.source_id
    LEFT JOIN object ON object.id = sighting.object_id
    LEFT JOIN image ON image.id = object.image_id
    LEFT JOIN model_version ON model_version.key = :model
    LEFT JOIN score ON score.image_id = image.id AND score.model_version_id = model_version.id
    LEFT JOIN work ON work.object_id = object.id AND work.model_version_id = model_version.id
    WHERE source.location = :source
    ORDER BY object_key
    """
)

# Written apart from the triggers' queries, so that a mistake in one shows.
_VERIFY = text(
    """
    WITH objects AS (
        SELECT source_id, state, reason, count(*) AS n FROM object GROUP BY source_id, state, reason
    ), rows (source_id, model_version_id, what, reason, n) AS (
        SELECT source_id, 0, CAST(state AS text), coalesce(reason, ''), n FROM objects
        UNION ALL SELECT source_id, 0, 'seen', '', n FROM objects
        UNION ALL SELECT source_id, 0, 'copy', '', count(*) FROM sighting WHERE is_copy GROUP BY 1
        UNION ALL SELECT source_id, 0, 'obstacle', obstacle, count(*) FROM sighting
            WHERE obstacle IS NOT NULL AND gone_at IS NULL GROUP BY 1, 4
        UNION ALL SELECT source_id, 0, 'withdrawn', '', count(*) FROM image
            WHERE standing = 'withdrawn' GROUP BY 1
        UNION ALL SELECT object.source_id, work.model_version_id,
            CASE
                WHEN object.state = 'received' THEN 'unjudged'
                WHEN work.state = 'failed' THEN 'failed'
                ELSE 'waiting'
            END,
            coalesce(work.reason, ''), count(*)
            FROM work JOIN object ON object.id = work.object_id GROUP BY 1, 2, 3, 4
        UNION ALL SELECT source_id, model_version_id, 'queued', '', count(*) FROM work
            WHERE state IN ('waiting', 'claimed') GROUP BY 1, 2
        UNION ALL SELECT image.source_id, model_version_id, 'scored',
            coalesce(out_of_distribution, ''), count(*)
            FROM score JOIN image ON image.id = score.image_id WHERE image.standing = 'valid'
            GROUP BY 1, 2, 4
        UNION ALL SELECT image.source_id, model_version_id, 'unlike_processing', unlike_processing,
            count(*)
            FROM score JOIN image ON image.id = score.image_id
            WHERE image.standing = 'valid' AND unlike_processing IS NOT NULL GROUP BY 1, 2, 4
    ), counted AS (
        SELECT source_id, model_version_id, what, reason, CAST(sum(n) AS bigint) AS n
        FROM rows GROUP BY 1, 2, 3, 4
    )
    SELECT source.location, coalesce(model_version.key, ''), what, reason,
        coalesce(tally.n, 0), coalesce(counted.n, 0)
    FROM tally FULL JOIN counted USING (source_id, model_version_id, what, reason)
    JOIN source ON source.id = source_id
    LEFT JOIN model_version ON model_version.id = model_version_id
    WHERE coalesce(tally.n, 0) <> coalesce(counted.n, 0)
    ORDER BY 1, 2, 3, 4
    """
)

_VERIFY_LEVELS = text(
    """
    WITH counted AS (
        SELECT model_version_id, score, CAST(floor(days) AS integer) AS day,
            CAST(floor(level * 10) AS smallint) AS bin, part_of(person_id) AS part, count(*) AS n
        FROM course CROSS JOIN LATERAL (
            VALUES ('geographic_extent', extent_smoothed_level), ('opacity', opacity_smoothed_level)
        ) AS levels (score, level)
        WHERE out_of_distribution IS NULL AND days >= 0
        GROUP BY 1, 2, 3, 4, 5
    )
    SELECT '', model_version.key, 'level',
        format('%s on day %s from %s', score, day, CAST(bin AS numeric) / 10),
        coalesce(cohort_level.n, 0), coalesce(counted.n, 0)
    FROM cohort_level FULL JOIN counted USING (model_version_id, score, day, bin, part)
    JOIN model_version ON model_version.id = model_version_id
    WHERE coalesce(cohort_level.n, 0) <> coalesce(counted.n, 0)
    ORDER BY 2, score, day, bin, part
    """
)
