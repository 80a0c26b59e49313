-- What came and what was done in each hour: read by whoever watches the site, instead of counting
-- scores. Kept by triggers like the tally, in the transaction of what they count, and never taken
-- back: what was scored was scored, whatever is withdrawn or forgotten later.

CREATE TABLE hour_count (
    hour timestamptz NOT NULL,
    source_id integer NOT NULL REFERENCES source (id),
    -- 0 for what comes in: no run is needed to see it.
    run_id integer NOT NULL,
    -- `received`: objects that were seen for the first time. `accepted`, `rejected`, `scored`: by a
    -- run. What is accepted is so once, and scored by each model version.
    what text NOT NULL CONSTRAINT ck_hour_count_what CHECK (
        what IN ('received', 'accepted', 'rejected', 'scored')
    ),
    n bigint NOT NULL,
    CONSTRAINT pk_hour_count PRIMARY KEY (hour, source_id, run_id, what)
);
CREATE INDEX ix_hour_count_run ON hour_count (run_id) WHERE run_id <> 0;
