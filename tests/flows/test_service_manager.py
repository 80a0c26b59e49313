"""What a service tells the manager that started it."""

import socket
from pathlib import Path

import pytest

from flows import service_manager


def test_a_manager_is_told_and_one_that_is_gone_ends_no_service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        service_manager.notify(service_manager.READY)
        assert manager.recv(100) == b"READY=1"

    service_manager.notify(service_manager.ALIVE)  # nobody listens there any more
    (tmp_path / "notify").unlink()
    service_manager.notify(service_manager.STOPPING)
