-- Lookups: who looked at which patient, when and on which page. Pages read as the reader's role,
-- which may write nothing else: it adds a line through `record_lookup`, and can neither read, change
-- nor erase any.

CREATE TABLE lookup (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    patient_id bigint NOT NULL REFERENCES patient (id),
    -- The person, as the page knows them.
    who text NOT NULL CONSTRAINT ck_lookup_who CHECK (who ~ '\S' AND length(who) <= 200),
    -- The database's login that wrote it, which nobody can invent: whoever may act as the reader may
    -- add a line about anyone.
    login text NOT NULL,
    -- Prevents an address, and what it may name, from being stored.
    page text NOT NULL CONSTRAINT ck_lookup_page CHECK (page ~ '^[a-z][a-z ]{0,39}$')
);
CREATE INDEX ix_lookup_patient ON lookup (patient_id, id);
CREATE INDEX ix_lookup_who ON lookup (who, id);

CREATE TRIGGER never_updated BEFORE UPDATE ON lookup
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER never_deleted BEFORE DELETE ON lookup
FOR EACH STATEMENT WHEN (
    setting_or('severity.what', '') NOT IN ('patient forgotten', 'lookups expired')
)
EXECUTE FUNCTION refuse_change();

-- Returns whether there is such a patient. A person's page shows the images of all merged patients,
-- so each has a line: a merge that is undone takes none away. The path of its own prevents a caller's
-- temporary table from taking the place of ours. Who may call it is in rights.sql.
CREATE FUNCTION record_lookup(who text, patient_key text, page text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    looked_at CONSTANT timestamptz := clock_timestamp();
BEGIN
    INSERT INTO lookup (at, patient_id, who, login, page)
    SELECT looked_at, shown.id, record_lookup.who, session_user, record_lookup.page
    FROM patient JOIN patient AS shown ON shown.person_id = patient.person_id
    WHERE patient.patient_key = record_lookup.patient_key
    ORDER BY shown.id;
    RETURN FOUND;
END $$;
