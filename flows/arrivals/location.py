"""Where films are brought to, and whether they are scored from there."""

from pathlib import Path

from flows.errors import UsageError
from flows.settings import Settings, SourceSettings, local_folder
from flows.sources import is_offered


def drop_folder(settings: Settings, preferred: Path | None = None) -> Path:
    """Return the folder that films are brought to, as the ledger names it as a source.

    The preferred one, else the receiver's, else the inbox.

    Raises
    ------
    UsageError
        None is set, or it is no folder of this machine.
    """
    chosen = preferred or settings.receiver_folder or settings.inbox
    folder = None if chosen is None else local_folder(str(chosen))
    if folder is None:
        raise UsageError(
            "no drop folder: give --folder DIR, or set SEVERITY_RECEIVER_FOLDER or a folder as "
            "SEVERITY_INBOX"
        )
    return folder


def is_scored(folder: Path, settings: Settings) -> bool:
    """Whether what is brought to a folder is scored: it is a source, or lies in one.

    True where no source is set: then the program that scores has settings of its own.
    """
    return not settings.all_sources or _listed_from(folder, settings) is not None


def listed_from(folder: Path, settings: Settings) -> Path:
    """Return the source that lists what is brought to a folder: itself, or a folder above it."""
    return _listed_from(folder, settings) or folder


def _listed_from(folder: Path, settings: Settings) -> Path | None:
    if settings.source_at(str(folder)) is not None:
        return folder
    listing = (_above(source, folder) for source in settings.all_sources)
    return next(filter(None, listing), None)


def _above(source: SourceSettings, folder: Path) -> Path | None:
    """Return a source's own folder, if it lists what lies in another somewhere below it."""
    above, below = local_folder(source.location), local_folder(str(folder))
    if above is None or below is None or not below.is_relative_to(above):
        return None
    return above if is_offered(below.relative_to(above).as_posix()) else None


def unscored_drop_folders(settings: Settings) -> list[Path]:
    """Return the folders that films are brought to, and that no source that is set lists."""
    chosen = settings.receiver_folder, settings.pacs_folder if settings.pacs else None
    folders = dict.fromkeys(folder for folder in chosen if folder is not None)
    return [folder for folder in folders if not is_scored(folder, settings)]
