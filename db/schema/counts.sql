-- The triggers that keep the counters of the tally. The current text of each; a migration that
-- changes what is counted runs it again.

-- Writes the triggers of one table, from a query from its changed rows, as %1$s, to
-- (source, model version, what, reason, sign). Each has a function of its own, whose plan PostgreSQL
-- keeps: a query in an argument would be planned by each statement, which took longer than counting.
CREATE OR REPLACE PROCEDURE count_table(counted text, query text) LANGUAGE plpgsql AS $$
DECLARE
    operation text;
    tables text;
    changed text;
BEGIN
    FOR operation, tables, changed IN VALUES
        ('insert', 'NEW TABLE AS after_rows', '(SELECT *, 1 AS sign FROM after_rows)'),
        ('delete', 'OLD TABLE AS before_rows', '(SELECT *, -1 AS sign FROM before_rows)'),
        (
            'update',
            'NEW TABLE AS after_rows OLD TABLE AS before_rows',
            '(SELECT *, 1 AS sign FROM after_rows UNION ALL SELECT *, -1 FROM before_rows)'
        )
    LOOP
        EXECUTE format(
            'CREATE OR REPLACE FUNCTION count_%1$s_%2$s() RETURNS trigger
            LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $count$ BEGIN
                INSERT INTO tally AS kept (source_id, model_version_id, what, reason, n)
                SELECT source_id, model_version_id, what, coalesce(reason, ''''), sum(sign)
                FROM (%3$s) AS counted (source_id, model_version_id, what, reason, sign)
                GROUP BY 1, 2, 3, 4 HAVING sum(sign) <> 0
                ON CONFLICT ON CONSTRAINT pk_tally DO UPDATE SET n = kept.n + excluded.n;
                RETURN NULL;
            END $count$',
            counted, operation, format(query, changed)
        );
        EXECUTE format(
            'CREATE OR REPLACE TRIGGER count_%1$s AFTER %1$s ON %2$I REFERENCING %3$s
            FOR EACH STATEMENT EXECUTE FUNCTION count_%2$s_%1$s()', operation, counted, tables
        );
    END LOOP;
END $$;

CALL count_table('object', $$
    SELECT source_id, 0, state::text, reason, sign FROM %1$s AS changed
    UNION ALL SELECT source_id, 0, 'seen', NULL, sign FROM %1$s AS changed
$$);
CALL count_table('sighting', $$
    SELECT source_id, 0, 'copy', NULL, sign FROM %1$s AS changed WHERE is_copy
    UNION ALL SELECT source_id, 0, 'obstacle', obstacle, sign FROM %1$s AS changed
    WHERE obstacle IS NOT NULL AND gone_at IS NULL
$$);
CALL count_table('work', $$
    SELECT counts_in_id, model_version_id,
        CASE WHEN NOT is_judged THEN 'unjudged' WHEN state = 'failed' THEN 'failed'
            ELSE 'waiting' END,
        reason, sign
    FROM %1$s AS changed
    UNION ALL SELECT source_id, model_version_id, 'queued', NULL, sign FROM %1$s AS changed
    WHERE state <> 'failed'
$$);
-- Scores of valid images: they are written and erased with their score, and come and go with the
-- standing of their image.
CALL count_table('score', $$
    SELECT image.source_id, changed.model_version_id, 'scored', changed.out_of_distribution, sign
    FROM %1$s AS changed JOIN image ON image.id = changed.image_id
    WHERE image.standing = 'valid'
    UNION ALL
    SELECT image.source_id, changed.model_version_id, 'unlike_processing',
        changed.unlike_processing, sign
    FROM %1$s AS changed JOIN image ON image.id = changed.image_id
    WHERE image.standing = 'valid' AND changed.unlike_processing IS NOT NULL
$$);
CALL count_table('image', $$
    SELECT source_id, 0, 'withdrawn', NULL, sign FROM %1$s AS changed WHERE standing = 'withdrawn'
    UNION ALL
    SELECT changed.source_id, score.model_version_id, 'scored', score.out_of_distribution, sign
    FROM %1$s AS changed JOIN score ON score.image_id = changed.id
    WHERE changed.standing = 'valid'
    UNION ALL
    SELECT changed.source_id, score.model_version_id, 'unlike_processing',
        score.unlike_processing, sign
    FROM %1$s AS changed JOIN score ON score.image_id = changed.id
    WHERE changed.standing = 'valid' AND score.unlike_processing IS NOT NULL
$$);
DROP PROCEDURE count_table(text, text);
