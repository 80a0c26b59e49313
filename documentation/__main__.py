"""Write docs/reference/commands.md and views.md, and prefect.yaml: ``make reference``."""

from pathlib import Path
from tempfile import gettempdir

from db.embedded import temporary_url
from db.engine import Database
from db.reading.described_views import described_views
from documentation.commands import commands_page
from documentation.views import views_page
from flows.cli.app import app
from flows.deployments.plan import planned
from flows.deployments.prefect_yaml import prefect_yaml
from flows.settings import Settings

ROOT = Path(__file__).parents[1]
PAGES = ROOT / "docs/reference"


def main() -> None:
    """Write all three; the views are those of a new database."""
    deployments = prefect_yaml(planned(Settings()), "UTC")
    (ROOT / "prefect.yaml").write_text(deployments, encoding="utf-8")
    (PAGES / "commands.md").write_text(commands_page(app), encoding="utf-8")
    with temporary_url(Path(gettempdir())) as url:
        database = Database(url)
        database.upgrade()
        with database.transaction() as session:
            page = views_page(described_views(session))
        database.dispose()
    (PAGES / "views.md").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
