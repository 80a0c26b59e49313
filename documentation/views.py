"""The page of all views that readers and dashboards may ask, from the comments of the database."""

from collections.abc import Sequence

from db.reading.described_views import DescribedView
from documentation.tables import table

_HEAD = """# Views

What a dashboard or a person may ask of the database, as the role `severity_reader`: these views,
and no table. `make reference` writes this page from the comments that the database itself holds
(`\\d+ worklist` in psql), and a test fails where they differ. [Connect a
dashboard](../how-to/connect-a-dashboard.md) says how to get there. Ask for one `model_version`:
scores of two are never joined. **Research use only. Not for diagnosis.**
"""


def views_page(views: Sequence[DescribedView]) -> str:
    """Return the page in Markdown: a section for each view, with a table of its columns."""
    contents = table(
        ("view", "contains"), [(f"[`{view.name}`](#{view.name})", view.meaning) for view in views]
    )
    return "\n".join([_HEAD, contents, *map(_section, views)]) + "\n"


def _section(view: DescribedView) -> str:
    rows = [(f"`{column.name}`", column.type, column.meaning) for column in view.columns]
    columns = table(("column", "type", "contains"), rows)
    return f"\n## `{view.name}`\n\n{view.meaning}\n\n{columns}"
