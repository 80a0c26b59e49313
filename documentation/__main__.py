"""Write docs/reference/commands.md and views.md: ``make reference``."""

from pathlib import Path
from tempfile import TemporaryDirectory

from db.embedded import embedded_url
from db.engine import Database
from db.reading.described_views import described_views
from documentation.commands import commands_page
from documentation.views import views_page
from flows.cli.app import app

PAGES = Path(__file__).parents[1] / "docs/reference"


def main() -> None:
    """Write both pages; the views are those of a new database."""
    (PAGES / "commands.md").write_text(commands_page(app), encoding="utf-8")
    with TemporaryDirectory(prefix="severity-views-") as folder:
        database = Database(embedded_url(Path(folder) / "postgres"))
        database.upgrade()
        with database.transaction() as session:
            page = views_page(described_views(session))
        database.dispose()
    (PAGES / "views.md").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
