-- The roles of a fresh database. The postgres image runs this once, on an empty volume, with
-- psql as the superuser, in the database that is to be the project's.

\getenv database_password DATABASE_PASSWORD
\getenv worker_password WORKER_PASSWORD
\getenv dashboard_password DASHBOARD_PASSWORD

-- Owns the tables: `cxr-severity db upgrade`, and `patient forget`. Not a superuser.
CREATE ROLE severity LOGIN PASSWORD :'database_password';
ALTER DATABASE :"DBNAME" OWNER TO severity;

-- What a login may do, by membership: `cxr-severity db upgrade` grants the rights to these two.
CREATE ROLE severity_worker NOLOGIN;
CREATE ROLE severity_reader NOLOGIN;

-- Scores and corrects; can neither update nor delete a score.
CREATE ROLE severity_scorer LOGIN IN ROLE severity_worker PASSWORD :'worker_password';

-- Reads the views.
CREATE ROLE severity_dashboard LOGIN CONNECTION LIMIT 10 IN ROLE severity_reader
    PASSWORD :'dashboard_password';
-- Prevents one careless panel from keeping the database busy all night.
ALTER ROLE severity_dashboard SET statement_timeout = '10s';
ALTER ROLE severity_dashboard SET idle_in_transaction_session_timeout = '10s';
-- A second lock on the door: a session may switch it off, and still has no right to write.
ALTER ROLE severity_dashboard SET default_transaction_read_only = on;

-- By default everyone may connect to a database and make temporary tables in it.
REVOKE ALL ON DATABASE :"DBNAME" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"DBNAME" TO severity_scorer, severity_dashboard;
