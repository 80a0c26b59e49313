"""Where films are brought to, and whether they are scored from there."""

from pathlib import Path

from flows.errors import UsageError
from flows.settings import Settings
from flows.source_settings import resolved


def drop_folder(settings: Settings) -> Path:
    """Return the folder that the receiver writes to, as the ledger names it as a source.

    Raises
    ------
    UsageError
        None is set.
    """
    chosen = settings.receiver_folder or settings.inbox
    if chosen is None or not _is_local(str(chosen)):
        raise UsageError(
            "no drop folder: give --folder DIR, or set SEVERITY_RECEIVER_FOLDER or a folder as "
            "SEVERITY_INBOX"
        )
    return local_folder(str(chosen))


def local_folder(location: str) -> Path:
    """Return a folder of this machine by its own path, as the ledger names it.

    Raises
    ------
    UsageError
        Its links lead in a circle, or it is below the home of no user.
    """
    try:
        return Path(resolved(location))
    except (OSError, RuntimeError) as error:
        raise UsageError(f"{location} is not a folder that can be opened") from error


def is_scored(folder: Path, settings: Settings) -> bool:
    """Whether what is brought to a folder is scored.

    True where no source is set: then the program that scores has settings of its own.
    """
    sources = settings.all_sources
    return not sources or any(source.is_at(str(folder)) for source in sources)


def other_drop_folders(settings: Settings) -> list[Path]:
    """Return the folders that films are brought to and that are no source: nothing scores them."""
    chosen = settings.receiver_folder, settings.pacs_folder if settings.pacs else None
    folders = dict.fromkeys(folder for folder in chosen if folder is not None)
    return [folder for folder in folders if not is_scored(folder, settings)]


def _is_local(location: str) -> bool:
    return "://" not in location.removeprefix("file://")
