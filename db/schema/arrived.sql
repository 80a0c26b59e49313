-- The instance of which a drop folder's file is, by the file's name (flows/arrivals/writer.py); NULL
-- of a file that was brought otherwise. The folder may lie anywhere below its source.
CREATE OR REPLACE FUNCTION arrived_instance(object_key text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT substring(object_key FROM '(?:^|/)[0-9a-f]{2}/([0-9a-f]{24})-[0-9a-f]{24}\.dcm$')
$$;
