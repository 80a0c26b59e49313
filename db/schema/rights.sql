-- What everybody may do that only the roles of roles.sql should: PostgreSQL lets all call a new
-- function, and a restored one is new. Applied by each `db upgrade`, also where no role may be made.

REVOKE ALL ON FUNCTION record_lookup(text, text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION expire_lookups(interval, integer) FROM PUBLIC;
