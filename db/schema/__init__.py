"""The schema as SQL: the tables, the triggers that count and record, the views, the rights."""

from importlib import resources

from sqlalchemy import Connection

__all__ = [
    "READER_ROLE",
    "WORKER_ROLE",
    "create_tables",
    "renew",
    "renew_arrivals",
    "renew_counters",
]

READER_ROLE, WORKER_ROLE = "severity_reader", "severity_worker"


def create_tables(connection: Connection) -> None:
    """Make the tables, and the triggers that count, record and make courses due.

    The database must be empty.
    """
    for name in (
        "tables",
        "tally",
        "counts",
        "hours",
        "hour_counts",
        "corrections",
        "lookups",
        "events",
        "courses",
        "drift",
        "exports",
        "operations",
        "arrived",
        "pacs",
        "rescoring",
        "bridges",
    ):
        _execute(connection, name)


def renew_counters(connection: Connection) -> None:
    """Let the triggers count what this program knows of; the counters themselves stay."""
    for name in ("counts", "hour_counts"):
        _execute(connection, name)


def renew_arrivals(connection: Connection) -> None:
    """Let the files that arrived be known as this program knows them, those from before too."""
    _execute(connection, "arrived")
    connection.exec_driver_sql("REINDEX INDEX ix_sighting_instance")


def renew(connection: Connection) -> None:
    """Make the views as this program knows them, and grant the roles their rights."""
    for name in (
        "views",
        "course_views",
        "event_views",
        "operation_views",
        "monitoring_views",
        "export_views",
        "bridge_views",
    ):
        _execute(connection, name)
    _execute(connection, "rights")
    if _make_roles(connection):
        _execute(connection, "roles")


def _execute(connection: Connection, name: str) -> None:
    # A colon or a percent sign in it is no parameter.
    statements = resources.files(__name__).joinpath(f"{name}.sql").read_text()
    connection.exec_driver_sql(statements, execution_options={"no_parameters": True})


def _make_roles(connection: Connection) -> bool:
    """Make the roles that are absent; return whether both are there.

    A site whose owner of the tables may make no roles makes them once, as a superuser.
    """
    for role in (READER_ROLE, WORKER_ROLE):
        connection.exec_driver_sql(_MAKE_ROLE.format(role=role))
    count = connection.exec_driver_sql(
        f"SELECT count(*) FROM pg_roles WHERE rolname IN ('{READER_ROLE}', '{WORKER_ROLE}')"  # noqa: S608 - constants
    )
    return bool(count.scalar() == 2)  # noqa: PLR2004 - both


# Two databases of one server may be upgraded at once, and share their roles.
_MAKE_ROLE = """
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN
        CREATE ROLE {role} NOLOGIN;
    END IF;
EXCEPTION
    WHEN insufficient_privilege OR duplicate_object OR unique_violation THEN NULL;
END $$
"""
