"""Where the drop folder of the receiver is."""

from pathlib import Path

from flows.errors import UsageError
from flows.settings import Settings


def drop_folder(settings: Settings) -> Path:
    """Return the folder that the receiver writes to, as the ledger names it as a source.

    Raises
    ------
    UsageError
        None is set.
    """
    chosen = settings.receiver_folder or settings.inbox
    if chosen is None or "://" in str(chosen).removeprefix("file://"):
        raise UsageError(
            "no drop folder: give --folder DIR, or set SEVERITY_RECEIVER_FOLDER or a folder as "
            "SEVERITY_INBOX"
        )
    return Path(str(chosen).removeprefix("file://")).expanduser().resolve()
