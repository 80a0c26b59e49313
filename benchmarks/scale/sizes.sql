-- The bytes of each table that grows with the images, and of its indexes, the TOAST table included.
SELECT
    belongs_to.relname AS "table",
    CASE WHEN relation.oid = belongs_to.oid THEN '' ELSE relation.relname END AS "index",
    CASE
        WHEN relation.oid = belongs_to.oid THEN pg_table_size(relation.oid)
        ELSE pg_relation_size(relation.oid)
    END AS bytes
FROM pg_class AS belongs_to
LEFT JOIN pg_index ON pg_index.indrelid = belongs_to.oid
JOIN pg_class AS relation ON relation.oid IN (belongs_to.oid, pg_index.indexrelid)
WHERE belongs_to.relkind = 'r' AND belongs_to.relnamespace = 'public'::regnamespace
GROUP BY belongs_to.oid, belongs_to.relname, relation.oid, relation.relname
ORDER BY 1, 2
