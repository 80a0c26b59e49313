"""The Prefect server of the service: its page, its password, and how long it keeps runs."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from flows.orchestration.server import PrefectAddress, new_credentials, running_server
from flows.settings import Settings


@contextmanager
def own_server(
    folder: Path, settings: Settings, *, ended: Callable[[], object] | None = None
) -> Iterator[PrefectAddress]:
    """Run a Prefect server with its page, for as long as the service lasts.

    Parameters
    ----------
    ended
        Called if its process ends before, instead of another start.
    """
    retention = timedelta(days=settings.prefect_days)
    variables = {
        "PREFECT_SERVER_UI_API_URL": "/api",  # wherever the page itself comes from
        "PREFECT_SERVER_UI_STATIC_DIRECTORY": str(folder / "page"),
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
        # It would call each run that was due while nothing served late, before they are dropped.
        "PREFECT_SERVER_SERVICES_LATE_RUNS_ENABLED": "false",
        "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
        "PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD": str(retention.total_seconds()),
        # A third of the database, and events repeat what the runs tell.
        "PREFECT_SERVER_EVENTS_RETENTION_PERIOD": "P1D",
    }
    credentials = stored_credentials(credentials_file(folder))
    port = settings.prefect_port
    with running_server(credentials, variables, port=port, ended=ended) as address:
        yield address


def credentials_file(folder: Path) -> Path:
    """Return where the password of the page is kept, in the folder of Prefect's state."""
    return folder / "password"


def stored_credentials(path: Path) -> str:
    """Return the password of the page, which is made once; only its owner may read the file."""
    set_by_site = os.environ.get("PREFECT_SERVER_API_AUTH_STRING")
    if set_by_site:
        return set_by_site
    stored = path.read_text().strip() if path.exists() else ""
    if stored:  # an empty file is what a kill left of an earlier version
        return stored
    draft = path.with_name(f"{path.name}.new")
    draft.touch(mode=0o600)
    draft.write_text(made := new_credentials())
    draft.replace(path)
    return made
