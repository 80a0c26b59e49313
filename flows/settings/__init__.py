"""All settings of an installation, by what they are about, and how they are read."""

from flows.settings.environment import Settings, read_settings
from flows.settings.own_home import with_own_home
from flows.settings.source import SourceSettings, is_bucket, local_folder, resolved

__all__ = [
    "Settings",
    "SourceSettings",
    "is_bucket",
    "local_folder",
    "read_settings",
    "resolved",
    "with_own_home",
]
