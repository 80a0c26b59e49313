"""The home folder and its locks."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from flows.errors import UsageError
from flows.home import locked, private_folder, private_home


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_folder_can_be_entered_by_its_owner_alone(tmp_path: Path) -> None:
    assert mode(private_folder(tmp_path / "new")) == 0o700


def test_a_folder_that_was_open_is_closed(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir(mode=0o755)

    assert mode(private_folder(tmp_path / "open")) == 0o700


def test_a_folder_of_all_users_stays_open(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared").chmod(0o1777)

    assert mode(private_folder(tmp_path / "shared")) == 0o777 | stat.S_ISVTX


def test_nobody_else_can_list_the_home_but_the_embedded_server_of_root_gets_through(
    tmp_path: Path,
) -> None:
    home = private_home(tmp_path / "home")

    assert mode(home) == (0o711 if os.geteuid() == 0 else 0o700)


def test_a_lock_is_refused_to_a_second_process_until_the_first_is_killed(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from flows.home import locked\n"
        "with locked(Path(sys.argv[1])) as free: print(free, flush=True); time.sleep(600)"
    )
    lock = tmp_path / "lock"
    command = [sys.executable, "-c", code, str(lock)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "True\n"
        with locked(lock) as free:
            assert not free
        first.kill()
        first.wait()

    with locked(lock) as free:
        assert free


def test_a_lock_ends_with_its_context(tmp_path: Path) -> None:
    with locked(tmp_path / "lock"):
        pass

    with locked(tmp_path / "lock") as free:
        assert free


def test_asking_for_a_lock_leaves_its_file_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "lock").touch()
    os.utime(tmp_path / "lock", (0, 0))

    with locked(tmp_path / "lock"):
        assert (tmp_path / "lock").stat().st_mtime == 0


def test_a_home_that_is_a_file_or_that_this_user_cannot_make_is_wrong_use(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")

    for home in (tmp_path / "file", tmp_path / "file" / "home", Path("/proc/severity")):
        with pytest.raises(UsageError, match="SEVERITY_HOME"):
            private_home(home)


def test_a_home_that_this_user_can_only_read_is_wrong_use() -> None:
    read_only = next(
        (path for path in map(Path, ("/sys", "/proc/sys")) if not os.access(path, os.W_OK)), None
    )
    if read_only is None:
        pytest.skip("this user may write everywhere")

    with pytest.raises(UsageError, match="SEVERITY_HOME"):
        private_home(read_only)
