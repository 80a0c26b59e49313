-- Counters, kept by triggers in the transaction of what they count, so that no question needs to
-- count rows. `db.reading.site.balances.verify` compares them with the rows.
--
-- Whoever changes what is counted holds the ledger's lock (`db.ledger.lock`): two
-- transactions would otherwise wait for each other's counters in a circle.

CREATE TABLE tally (
    source_id integer NOT NULL REFERENCES source (id),
    -- 0 for what does not depend on a model version.
    model_version_id integer NOT NULL,
    -- Objects: seen, and by state received, accepted, rejected. Places: copy, obstacle. Images:
    -- withdrawn. By model version: unjudged, waiting, failed (work, where its object counts);
    -- queued (work that waits or is claimed, where it is to be read); scored, and of those again
    -- unlike_processing.
    what text NOT NULL,
    -- Of a rejection, a failure or an obstacle; of a score, why it is out of distribution, or how
    -- its image is processed unlike others.
    reason text NOT NULL,
    n bigint NOT NULL,
    CONSTRAINT pk_tally PRIMARY KEY (source_id, model_version_id, what, reason)
);
