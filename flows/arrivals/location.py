"""Where films are brought to, and whether they are scored from there."""

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
    if chosen is None or not _is_local(str(chosen)):
        raise UsageError(
            "no drop folder: give --folder DIR, or set SEVERITY_RECEIVER_FOLDER or a folder as "
            "SEVERITY_INBOX"
        )
    return _resolved(str(chosen))


def other_drop_folders(settings: Settings) -> list[Path]:
    """Return the folders that films are brought to and that are no source: nothing scores them.

    Empty where no source is set: then the program that scores has settings of its own.
    """
    places = [source.location for source in settings.all_sources]
    sources = {_resolved(place) for place in places if _is_local(place)}
    chosen = [settings.receiver_folder, *([settings.pacs_folder] if settings.pacs else [])]
    folders = dict.fromkeys(_resolved(str(folder)) for folder in chosen if folder is not None)
    return [folder for folder in folders if places and folder not in sources]


def _is_local(location: str) -> bool:
    return "://" not in location.removeprefix("file://")


def _resolved(location: str) -> Path:
    return Path(location.removeprefix("file://")).expanduser().resolve()
