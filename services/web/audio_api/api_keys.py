"""The keys of the audio API: a file with the hash of each, which is followed as it changes."""

from __future__ import annotations

import contextlib
import datetime
import fcntl
import hashlib
import hmac
import json
import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..http.guard import secret_digest

KEY_PREFIX: Final = "lva_"
"""Tells people, and scanners for leaked secrets, what a key is for."""

_SECRET_BYTES = 32
_VERSION = 1
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


class ApiKeysError(Exception):
    """The file cannot be read or changed; the message names it and says what to do."""


class ApiKey(BaseModel):
    """A key, without its secret. Limits that are None are those of the server."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=rf"^{_NAME.pattern}$")
    """Of whoever uses it; in logs."""
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    """Hash of the secret. A slow hash would add nothing: the secret has 256 random bits."""
    created: str
    """The day, as in 2026-01-31."""
    requests_per_minute: int | None = Field(default=None, ge=1)
    requests_at_once: int | None = Field(default=None, ge=1)
    max_mb: int | None = Field(default=None, ge=1)
    """Largest file."""
    max_seconds: float | None = Field(default=None, gt=0)
    """Longest audio."""
    max_characters: int | None = Field(default=None, ge=1)
    """Longest text."""


class _Content(BaseModel):
    model_config = ConfigDict(extra="forbid")

    version: int = Field(default=_VERSION, ge=_VERSION, le=_VERSION)
    keys: tuple[ApiKey, ...] = ()


class ApiKeyFile:
    """The keys in a file, which is read again whenever it has changed. Blocks on the disk.

    Used by one thread at a time; processes may share the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, ...] | None = None
        self._keys: tuple[ApiKey, ...] = ()

    def read(self) -> tuple[ApiKey, ...]:
        """Return the keys that are valid now; none without a file.

        Raises:
            ApiKeysError: the file is there and cannot be read: no key is valid.
        """
        try:
            info = self._path.stat()
        except FileNotFoundError:
            self._seen, self._keys = None, ()
            return ()
        except OSError as error:
            raise self._unusable(error.strerror or "cannot be read") from error
        seen = (info.st_ino, info.st_size, info.st_mtime_ns, info.st_ctime_ns)
        if seen != self._seen:
            self._keys = self._read()
            self._seen = seen
        return self._keys

    def find(self, secret: str) -> ApiKey | None:
        """Return the key with this secret; takes as long whether or not there is one.

        Raises:
            ApiKeysError: as `read`.
        """
        digest = secret_digest(secret)
        found = None
        for key in self.read():
            if hmac.compare_digest(bytes.fromhex(key.sha256), digest):
                found = key
        return found

    def add(self, name: str, **limits: Any) -> str:
        """Make a key and return its secret, which is kept nowhere.

        Raises:
            ApiKeysError: the name is taken or malformed, or the file cannot be changed.
        """
        if not _NAME.fullmatch(name):
            raise ApiKeysError(
                f"{name[:80]!r} is not a name for a key: use up to 64 letters, digits, dots, "
                "dashes and underscores"
            )
        secret = KEY_PREFIX + secrets.token_urlsafe(_SECRET_BYTES)
        key = ApiKey(
            name=name,
            sha256=hashlib.sha256(secret.encode()).hexdigest(),
            created=datetime.date.today().isoformat(),
            **limits,
        )
        with self._changing():
            keys = self.read()
            if any(other.name == name for other in keys):
                raise ApiKeysError(
                    f"there is a key {name} already: remove it first, or choose another name"
                )
            self._write((*keys, key))
        return secret

    def remove(self, name: str) -> None:
        """Revoke a key: servers that follow the file refuse it from their next request on.

        Raises:
            ApiKeysError: there is no such key, or the file cannot be changed.
        """
        with self._changing():
            keys = self.read()
            left = tuple(key for key in keys if key.name != name)
            if len(left) == len(keys):
                raise ApiKeysError(f"there is no key {name[:80]!r} in {self._path}")
            self._write(left)

    def _read(self) -> tuple[ApiKey, ...]:
        try:
            return _Content.model_validate_json(self._path.read_bytes()).keys
        except OSError as error:
            raise self._unusable(error.strerror or "cannot be read") from error
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            raise self._unusable(f"{place or 'content'}: {first['msg']}") from None

    def _unusable(self, why: str) -> ApiKeysError:
        return ApiKeysError(
            f"the file of keys {self._path} cannot be used ({why}): mend it, or remove it and make "
            "new keys"
        )

    @contextlib.contextmanager
    def _changing(self) -> Iterator[None]:
        """Keep other processes from changing the file meanwhile."""
        try:
            folder = os.open(self._path.resolve().parent, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise ApiKeysError(f"{self._path.parent} is not a folder to keep keys in") from error
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield
        finally:
            os.close(folder)

    def _write(self, keys: tuple[ApiKey, ...]) -> None:
        real = self._path.resolve()
        content = _Content(keys=keys).model_dump(exclude_none=True, mode="json")
        unfinished = real.with_name(f".{real.name}.{secrets.token_hex(4)}")
        try:
            descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(descriptor, "w") as file:
                file.write(f"{json.dumps(content, indent=1)}\n")
                file.flush()
                os.fsync(file.fileno())
            if real.exists():
                # A worker of another user may read it through its group.
                os.chmod(unfinished, real.stat().st_mode & 0o777)
            unfinished.replace(real)
        except OSError as error:
            raise ApiKeysError(f"{self._path} cannot be written: {error.strerror}") from error
        finally:
            unfinished.unlink(missing_ok=True)
