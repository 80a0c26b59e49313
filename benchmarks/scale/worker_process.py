"""A worker of the ledger alone, in a process of its own; it prints one JSON line."""

import json
import random
import sys
import time

from benchmarks.scale.building import SOFTWARE
from benchmarks.scale.work import Worker, patient_key
from db.engine import Database
from db.ledger import runs
from db.ledger.claiming import Queue
from db.ledger.presence import start_run


def main() -> None:
    """Read a job, say that all is ready, and work at the next line."""
    job = json.loads(sys.stdin.readline())
    database = Database(job["url"])
    queue = Queue(job["source_id"], job["model_version_id"])
    numbers = [random.randrange(job["patients"]) + 1 for _ in range(10_000)]  # noqa: S311 - no secret
    with start_run(database, queue, software=SOFTWARE) as presence:
        worker = Worker(database, queue, presence.run_id, [patient_key(n) for n in numbers])
        print("ready", flush=True)  # noqa: T201 - read by the benchmark
        sys.stdin.readline()
        began, processor = time.monotonic(), time.process_time()
        scored = worker.work(job["images"], batch=job["batch"])
        ended, processor_seconds = time.monotonic(), time.process_time() - processor
        with database.transaction() as session:
            runs.end_run(session, presence.run_id, "finished")
    measured = {
        "scored": scored,
        "began": began,
        "ended": ended,
        "processor_seconds": processor_seconds,
        "claims_ms": worker.claims.times_ms,
        "closings_ms": worker.closings.times_ms,
    }
    print(json.dumps(measured))  # noqa: T201 - read by the benchmark


if __name__ == "__main__":
    main()
