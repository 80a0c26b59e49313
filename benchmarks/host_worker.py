"""A worker of the ledger alone that starts anew after each failure, as a service does.

Its arguments are a database, a source, a model version and the seconds that it takes for a batch.
It ends once nothing is left to do.
"""

import sys
import time

from benchmarks.scale.building import SOFTWARE
from benchmarks.scale.work import Worker, patient_key
from db.engine import Database
from db.errors import DatabaseError
from db.ledger import runs
from db.ledger.claiming import Queue
from db.ledger.presence import start_run

_BATCH = 4
_PATIENTS = 40
_AGAIN_SECONDS = 0.2


def main() -> None:
    """Work until the database answers that all is done."""
    url, source, version, seconds = sys.argv[1:]
    queue = Queue(int(source), int(version))
    while True:
        database = Database(url)
        try:
            if _pass(database, queue, float(seconds)):
                return
        except DatabaseError as error:
            print(f"{error}; starting anew", flush=True)  # noqa: T201 - for the log
        database.dispose()
        time.sleep(_AGAIN_SECONDS)


def _pass(database: Database, queue: Queue, seconds: float) -> bool:
    """Work as one run; return whether nothing was left to do, for anybody."""
    keys = [patient_key(number + 1) for number in range(_PATIENTS)]
    with start_run(database, queue, software=SOFTWARE) as presence:
        worker = Worker(database, queue, presence.run_id, keys, pause=seconds)
        scored = 1
        while scored:
            with database.transaction() as session:
                presence.renew()
                runs.release_abandoned(session)
            scored = worker.work(1, batch=_BATCH) or worker.work_suspect()
        with database.transaction() as session:
            runs.end_run(session, presence.run_id, "finished")
    with database.connection() as connection:
        return connection.exec_driver_sql("SELECT FROM work LIMIT 1").first() is None


if __name__ == "__main__":
    main()
