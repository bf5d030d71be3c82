"""The socket of a speech process is its owner's alone."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest

from services.speech_process.socket import (
    LONGEST_PATH_BYTES,
    ServerSocket,
    SocketError,
    check_server,
    is_own_peer,
)


def test_only_the_owner_can_use_it(tmp_path: Path, no_leaks: None) -> None:
    path = tmp_path / "new" / "speech.sock"
    listening = ServerSocket(path)
    try:
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        check_server(path)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
            server, _ = listening.socket.accept()
            with server:
                assert is_own_peer(server)
                assert is_own_peer(client)
    finally:
        listening.close()
    assert not path.exists()
    listening.close()


def test_one_server_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "speech.sock"
    first = ServerSocket(path)
    with pytest.raises(SocketError, match=r"another speech process serves .* already"):
        ServerSocket(path)
    check_server(path)
    first.close()
    ServerSocket(path).close()


def test_what_a_killed_server_left_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "speech.sock"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    assert path.exists()
    ServerSocket(path).close()


def test_a_file_that_is_no_socket_stays(tmp_path: Path) -> None:
    path = tmp_path / "speech.sock"
    path.write_text("precious")
    with pytest.raises(SocketError, match="is no socket"):
        ServerSocket(path)
    assert path.read_text() == "precious"
    with pytest.raises(SocketError, match="is no socket"):
        check_server(path)


def test_a_path_too_long_is_refused_with_the_limit(tmp_path: Path) -> None:
    path = tmp_path / ("a" * 200)
    for use in (ServerSocket, check_server):
        with pytest.raises(SocketError, match=f"may have {LONGEST_PATH_BYTES}: choose a shorter"):
            use(path)


def test_a_folder_that_others_can_use_is_refused_with_the_cure(tmp_path: Path) -> None:
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(0o755)
    path = folder / "speech.sock"
    with pytest.raises(SocketError, match=f"chmod 700 {folder}"):
        ServerSocket(path)
    with socket.socket(socket.AF_UNIX) as planted:
        planted.bind(str(path))
    with pytest.raises(SocketError, match=f"chmod 700 {folder}"):
        check_server(path)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file away")
def test_a_folder_of_another_user_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "other"
    folder.mkdir(mode=0o700)
    path = folder / "speech.sock"
    with socket.socket(socket.AF_UNIX) as planted:
        planted.bind(str(path))
    os.chown(folder, 12345, 12345)
    for use in (ServerSocket, check_server):
        with pytest.raises(SocketError, match="another user"):
            use(path)
