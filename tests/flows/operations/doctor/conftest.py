"""A site where all is well."""

import pytest

from flows.resources import Resources
from tests.builders.archive import Archive, Film


@pytest.fixture
def site(resources, tmp_path):
    inbox, backups = tmp_path / "inbox", tmp_path / "backups"
    for folder in (inbox, backups, resources.settings.home):
        folder.mkdir()
    (inbox / "a.dcm").write_text("a film")
    (backups / "severity-2026-01-01T050000Z.dump").write_text("")
    Archive(resources.open_database(), str(inbox)).add(Film("a"))
    settings = {"inbox": str(inbox), "backup_folder": backups, "timezone": "UTC"}
    known = resources.settings.model_dump(exclude_unset=True)
    return Resources(type(resources.settings)(**known | settings), resources.progress)
