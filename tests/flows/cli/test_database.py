"""The commands `db upgrade`, `status` and `release`."""

from collections.abc import Callable
from pathlib import Path

from click.testing import Result

from tests.builders.commands import Program
from tests.builders.small_images import write_inbox


def test_the_database_is_made_by_a_command_and_only_then_used(program: Program) -> None:
    assert "revision 0003" in program("db", "upgrade").stdout
    assert "has scored nothing yet" in program("status").stdout


def test_status_counts_rejected_images_and_release_puts_them_back(
    score: Callable[[Path], object], ask: Callable[..., Result], tmp_path: Path
) -> None:
    write_inbox(tmp_path / "inbox", images=2)
    (tmp_path / "inbox/notes.txt").write_text("no image")
    score(tmp_path / "inbox")

    assert "3 seen = 2 scored + 1 rejected + 0 pending" in ask("status").output
    assert "1 image rejected as not_an_image was put back" in ask("release", "not_an_image").output
    assert "3 seen = 2 scored + 0 rejected + 1 pending" in ask("status").output
