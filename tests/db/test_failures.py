"""Each way in which PostgreSQL fails: its cause, one line, and no value of a row."""

import traceback
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import make_url, text

from db.engine import Database
from db.errors import Cause, DatabaseError
from tests.builders.postgres import execute

NAME = "Doe^Jane"


@pytest.fixture
def connect(database_url: str) -> Iterator[Callable[..., Database]]:
    """Connect to the test's database, by its URL with other parts."""
    opened = []

    def connect(options: str = "", **parts: str) -> Database:
        url = make_url(database_url).set(**parts)
        url = url.update_query_dict({"options": options} if options else {})
        opened.append(Database(url.render_as_string(hide_password=False)))
        return opened[-1]

    yield connect
    for database in opened:
        database.dispose()


@pytest.fixture
def user(database_url: str) -> Iterator[Callable[[str], str]]:
    """Make a user of the server, who is gone after the test."""
    made = []

    def user(attributes: str) -> str:
        made.append(f"user_{make_url(database_url).database}_{len(made)}"[-60:])
        execute(database_url, f"CREATE ROLE {made[-1]} {attributes}")
        return made[-1]

    yield user
    for name in made:
        execute(database_url, f"DROP ROLE {name}")


def run(database: Database, *statements: str) -> None:
    with database.transaction() as session:
        for statement in statements:
            session.execute(text(statement))


def failure(database: Database, *statements: str) -> DatabaseError:
    with pytest.raises(DatabaseError) as caught:
        run(database, *statements)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert NAME not in message
    return caught.value


@pytest.mark.parametrize(
    ("state", "cause"),
    [
        ("28P01", Cause.LOGIN),
        ("28000", Cause.LOGIN),
        ("3D000", Cause.NO_DATABASE),
        ("42501", Cause.PRIVILEGE),
        ("53300", Cause.CONNECTIONS),
        ("53100", Cause.DISK_FULL),
        ("53200", Cause.MEMORY),
        ("55P03", Cause.LOCKED),
        ("57014", Cause.TIMED_OUT),
        ("57P01", Cause.STOPPED),
        ("25P03", Cause.STOPPED),
        ("25006", Cause.READ_ONLY),
        ("40P01", Cause.CONFLICT),
        ("22003", Cause.VALUE),
        ("23505", Cause.CONSTRAINT),
        ("42P01", Cause.SCHEMA),
        ("58030", Cause.DISK_ERROR),
        ("XX001", Cause.DISK_ERROR),
        ("22012", Cause.STATEMENT),
    ],
)
def test_each_sqlstate_of_the_server_has_its_cause(connect, state, cause):
    """As the server reports it, of which some cannot be brought about here, such as a full disk."""
    raising = f"DO $$ BEGIN RAISE EXCEPTION '{NAME}' USING ERRCODE = '{state}'; END $$"

    assert failure(connect(), raising).cause == cause


def test_a_lock_that_another_session_holds(connect):
    with connect().transaction() as session:
        session.execute(text("CREATE TABLE held (id int)"))
    with connect().transaction() as session:
        session.execute(text("LOCK TABLE held"))
        waiting = connect(options="-c lock_timeout=50ms")

        assert failure(waiting, "SELECT * FROM held").cause == Cause.LOCKED


def test_a_statement_that_takes_too_long(connect):
    assert failure(connect("-c statement_timeout=50ms"), "SELECT pg_sleep(60)").cause == (
        Cause.TIMED_OUT
    )


def test_a_read_only_database(connect):
    standby = connect("-c default_transaction_read_only=on")

    assert failure(standby, "CREATE TABLE refused (id int)").cause == Cause.READ_ONLY


def test_a_connection_that_ends_in_a_transaction(connect):
    ending_itself = "SELECT pg_terminate_backend(pg_backend_pid())"

    assert failure(connect(), ending_itself, "SELECT 1").cause == Cause.STOPPED


def test_a_user_without_a_privilege(connect, user):
    with connect().transaction() as session:
        session.execute(text("CREATE TABLE private (id int)"))
    reader = connect(username=user("LOGIN"))

    assert failure(reader, "SELECT * FROM private").cause == Cause.PRIVILEGE
    reader.dispose()


def test_a_user_who_may_not_log_in(connect, user):
    assert failure(connect(username=user("NOLOGIN"))).cause == Cause.LOGIN
    assert failure(connect(username="nobody")).cause == Cause.LOGIN


def test_a_database_that_does_not_exist(connect):
    assert failure(connect(database="none")).cause == Cause.NO_DATABASE


def test_a_user_without_a_connection_left(connect, user):
    name = user("LOGIN CONNECTION LIMIT 1")
    first = connect(username=name)
    with first.transaction():
        assert failure(connect(username=name)).cause == Cause.CONNECTIONS
    first.dispose()


def test_an_absent_server():
    absent = Database("postgresql://nobody:hidden@127.0.0.1:1/none")

    error = failure(absent)

    assert error.cause == Cause.UNREACHABLE
    assert "hidden" not in str(error)


def test_no_value_of_a_statement_is_in_the_traceback(connect):
    database = connect()
    run(database, "CREATE TABLE sighting (object_key text UNIQUE)")
    insertion = f"INSERT INTO sighting VALUES ('{NAME}')"  # noqa: S608

    refused = failure(database, insertion, insertion)

    lines = "".join(traceback.format_exception(refused))
    assert "session.execute" in lines, "it says where it came from"
    assert NAME not in lines
    assert refused.cause == Cause.CONSTRAINT
    assert "sighting_object_key_key" in str(refused)
