-- The roles of a fresh database. The postgres image runs this once, on an empty volume, with
-- psql as the superuser, in the database that is to be the project's.

\getenv database_password DATABASE_PASSWORD
\getenv dashboard_password DASHBOARD_PASSWORD

-- Owns the tables: `cxr-severity db upgrade` and the worker. Not a superuser.
CREATE ROLE severity LOGIN PASSWORD :'database_password';
ALTER DATABASE :"DBNAME" OWNER TO severity;

-- Reads the dashboards' views, which `cxr-severity db upgrade` grants to it by name.
CREATE ROLE severity_dashboard LOGIN CONNECTION LIMIT 10 PASSWORD :'dashboard_password';
-- Prevents one careless panel from keeping the database busy all night.
ALTER ROLE severity_dashboard SET statement_timeout = '10s';
ALTER ROLE severity_dashboard SET idle_in_transaction_session_timeout = '10s';
-- A second lock on the door: a session may switch it off, and still has no right to write.
ALTER ROLE severity_dashboard SET default_transaction_read_only = on;

-- By default everyone may connect to a database and make temporary tables in it.
REVOKE ALL ON DATABASE :"DBNAME" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"DBNAME" TO severity_dashboard;
