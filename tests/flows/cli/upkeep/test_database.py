"""The commands `db upgrade`, `status` and `release`."""

from collections.abc import Callable
from pathlib import Path

from click.testing import Result

from tests.builders.commands import Program
from tests.builders.small_images import write_inbox


def test_the_database_is_made_by_a_command_and_only_then_used(program: Program) -> None:
    assert "revision 6" in program("db", "upgrade").stdout
    assert "Nothing was seen yet" in program("status").stdout


def test_status_counts_rejected_images(
    score: Callable[[Path], object], ask: Callable[..., Result], tmp_path: Path
) -> None:
    write_inbox(tmp_path / "inbox", images=2)
    (tmp_path / "inbox/notes.txt").write_text("no image")
    score(tmp_path / "inbox")

    assert "3 seen = 2 accepted + 1 rejected + 0 unread" in ask("status").output
    assert ask("status", "--verify").exit_code == 0
