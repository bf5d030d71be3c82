"""The socket file: in a folder of its owner alone, held by one server at a time."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import stat
import struct
import sys
from pathlib import Path

LONGEST_PATH_BYTES = 107 if sys.platform == "linux" else 103
"""`sun_path` without its final zero (unix(7))."""
_BACKLOG = 64
_CREDENTIALS = struct.Struct("3i")
"""Process, user and group of `SO_PEERCRED` (unix(7))."""


class SocketError(Exception):
    """The socket cannot be used; the message says why, and what helps."""


class ServerSocket:
    """The listening socket of one server, and the lock that keeps others from its place."""

    def __init__(self, path: Path) -> None:
        """Create it, mode 0600 in a folder of mode 0700; a socket without a server is replaced.

        Raises SocketError.
        """
        self.path = path
        check_length(path)
        prepare_folder(path.parent)
        self._lock: int | None = _take_lock(path)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            _remove_stale(path)
            self.socket.bind(str(path))
            path.chmod(0o600)
            self.socket.listen(_BACKLOG)
            self.socket.setblocking(False)
        except OSError as error:
            self.close()
            raise SocketError(f"cannot listen on {path}: {error.strerror}") from error
        except SocketError:
            self.close()
            raise

    def close(self) -> None:
        """Remove the socket, and let another server take its place. Idempotent."""
        lock, self._lock = self._lock, None
        if lock is None:
            return
        self.socket.close()
        with contextlib.suppress(OSError):
            if stat.S_ISSOCK(self.path.lstat().st_mode):
                self.path.unlink()
        os.close(lock)


def check_length(path: Path) -> None:
    """Raise SocketError if the system takes no path that long."""
    length = len(os.fsencode(path))
    if length > LONGEST_PATH_BYTES:
        raise SocketError(
            f"{path} has {length} bytes, and a socket's path may have {LONGEST_PATH_BYTES}: "
            "choose a shorter one"
        )


def check_server(path: Path) -> None:
    """Raise SocketError if others than this user could have put the socket there."""
    check_length(path)
    try:
        found, folder = path.lstat(), path.parent.stat()
    except OSError as error:
        raise SocketError(f"{path}: {error.strerror}") from error
    if not stat.S_ISSOCK(found.st_mode):
        raise SocketError(f"{path} is no socket")
    if found.st_uid != os.getuid() or folder.st_uid != os.getuid():
        raise SocketError(f"{path} belongs to another user")
    if folder.st_mode & 0o077:
        raise SocketError(f"others can use {path.parent}: chmod 700 {path.parent}")


def prepare_folder(folder: Path) -> None:
    """Make a folder of this user alone. Raises SocketError if others can use it."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.stat()
    except OSError as error:
        raise SocketError(f"cannot make the folder {folder}: {error.strerror}") from error
    if found.st_uid != os.getuid():
        raise SocketError(f"the folder {folder} belongs to another user: choose one of your own")
    if found.st_mode & 0o077:
        raise SocketError(
            f"others can use the folder {folder}: choose one of your own, or chmod 700 {folder}"
        )


def is_own_peer(connection: socket.socket) -> bool:
    """Whether the other side runs as this user; where the system cannot tell, the folder does."""
    if not hasattr(socket, "SO_PEERCRED"):
        return True
    data = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _, user, _ = _CREDENTIALS.unpack(data)
    return bool(user == os.getuid())


def _take_lock(path: Path) -> int:
    """Lock the file beside the socket. The lock goes with the process, however that ends."""
    name = path.with_name(path.name + ".lock")
    try:
        lock = os.open(name, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise SocketError(f"cannot use {name}: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise SocketError(f"another speech process serves {path} already") from None
    return lock


def _remove_stale(path: Path) -> None:
    """Remove what a server left that was killed; the lock says that it is gone."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise SocketError(f"{path} exists and is no socket: choose another path")
    path.unlink()
