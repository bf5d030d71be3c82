"""Files of the Hugging Face hub: what it says about them, and their bytes, resumable and checked.

`huggingface_hub` names the addresses, asks for a file's metadata and explains refusals. The bytes
are read here: its own download function keeps nothing of a broken transfer and, where the hub is
silent, tries again for minutes.
"""

import hashlib
import logging
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import httpx2
from huggingface_hub import close_session, constants, get_hf_file_metadata, hf_hub_url
from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

from services.models.errors import DownloadCorrupt, HubRefused, HubUnreachable

logger = logging.getLogger("services.models")

STALL_TIMEOUT_SECONDS = 15.0
"""How long a transfer may stand still before it counts as broken."""

RETRY_DELAYS_SECONDS = (0.5, 2.0, 4.0)
"""The waits before trying a broken transfer again; starts anew whenever bytes came."""

PASSING_STATUSES = (408, 416, 429)
"""Statuses below 500 that another try may cure."""

PRODUCT = "local-voice-agent"
SHA256 = re.compile(r"[0-9a-f]{64}")
GIT_BLOB_SHA1 = re.compile(r"[0-9a-f]{40}")

T = TypeVar("T")


@dataclass(frozen=True)
class RemoteFile:
    """A file of the hub at one commit, as the hub describes it."""

    path: str
    """Inside the repository."""
    url: str
    commit: str
    checksum: str
    """SHA-256 of the content (large files), or the SHA-1 that git gives it."""
    size: int
    """Bytes."""

    @property
    def name(self) -> str:
        return self.path.rsplit("/", 1)[-1]


class Hub:
    """A connection to one hub; use it as a context manager, from one thread.

    No token, no telemetry, no request identifiers are sent.
    """

    _open_hubs = 0
    _open_hubs_lock = threading.Lock()

    def __init__(
        self,
        endpoint: str | None = None,
        *,
        connect_timeout_seconds: float,
        stall_timeout_seconds: float = STALL_TIMEOUT_SECONDS,
        retry_delays_seconds: Sequence[float] | None = None,
    ) -> None:
        chosen = endpoint or os.environ.get("HF_ENDPOINT") or constants.ENDPOINT
        self.endpoint = chosen.rstrip("/")
        self._connect_timeout_seconds = connect_timeout_seconds
        delays = RETRY_DELAYS_SECONDS if retry_delays_seconds is None else retry_delays_seconds
        self._retry_delays_seconds = tuple(delays)
        # Read at import by huggingface_hub, which someone else may have imported already: with
        # telemetry on it asks the hub for a list of programs to look for and names them to it.
        constants.HF_HUB_DISABLE_TELEMETRY = True
        self._client = httpx2.Client(
            headers={"User-Agent": PRODUCT, "Accept-Encoding": "identity"},
            follow_redirects=True,
            timeout=httpx2.Timeout(stall_timeout_seconds, connect=connect_timeout_seconds),
        )

    def __enter__(self) -> "Hub":
        with Hub._open_hubs_lock:
            Hub._open_hubs += 1
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()
        with Hub._open_hubs_lock:
            Hub._open_hubs -= 1
            if Hub._open_hubs == 0:
                close_session()

    def describe(self, repository: str, revision: str, path: str) -> RemoteFile:
        """Ask the hub about a file. Blocks at most the connect timeout.

        HubUnreachable where it does not answer as a hub does, HubRefused where it says no.
        """
        url = hf_hub_url(repository, path, revision=revision, endpoint=self.endpoint)
        with self._explained(f"{path} of {repository}"):
            answer = _within(
                self._connect_timeout_seconds,
                lambda: get_hf_file_metadata(
                    url,
                    token=False,
                    timeout=self._connect_timeout_seconds,
                    library_name=PRODUCT,
                    endpoint=self.endpoint,
                ),
            )
        if answer.commit_hash is None or answer.size is None or answer.etag is None:
            raise HubUnreachable(
                f"{self.endpoint} answers, but not as a Hugging Face hub does: a proxy or a "
                "login page may stand between; check HF_ENDPOINT and the network."
            )
        if not (SHA256.fullmatch(answer.etag) or GIT_BLOB_SHA1.fullmatch(answer.etag)):
            raise HubRefused(f"The hub gives no checksum for {path} of {repository}.")
        pinned = hf_hub_url(repository, path, revision=answer.commit_hash, endpoint=self.endpoint)
        return RemoteFile(path, pinned, answer.commit_hash, answer.etag, answer.size)

    def download(self, remote: RemoteFile, target: Path, *, advance: Callable[[int], None]) -> None:
        """Bring the file's bytes to `target`, going on from what lies there, and check them.

        `advance` is told the bytes as they come (negative: thrown away). `target` stays for a
        later call when the hub falls silent (HubUnreachable) or the process ends; it is removed
        where the bytes are wrong (DownloadCorrupt).
        """
        resumed = target.exists()
        self._transfer(remote, target, advance)
        if not matches(remote, target):
            advance(-remote.size)
            target.unlink()
            # What lay here may have been damaged since: one fresh try tells.
            if resumed:
                self.download(remote, target, advance=advance)
                return
            raise DownloadCorrupt(
                f"The hub sent {remote.name} with the wrong content (its checksum differs), "
                "so it was thrown away; try again later."
            )

    def _transfer(self, remote: RemoteFile, target: Path, advance: Callable[[int], None]) -> None:
        failures = 0
        while True:
            before = _size(target)
            if before == remote.size:
                target.touch()
                return
            try:
                with self._explained(remote.path):
                    self._transfer_once(remote, target, advance)
            except HubUnreachable as error:
                failures = 0 if _size(target) > before else failures + 1
                if failures > len(self._retry_delays_seconds):
                    raise
                logger.info(
                    "transfer broken, trying again",
                    extra={"file": remote.name, "bytes": _size(target), "reason": str(error)},
                )
                if self._retry_delays_seconds:
                    time.sleep(self._retry_delays_seconds[max(0, failures - 1)])

    def _transfer_once(
        self, remote: RemoteFile, target: Path, advance: Callable[[int], None]
    ) -> None:
        have = _size(target)
        if have > remote.size:
            advance(-have)
            target.unlink()
            have = 0
        headers = {"Range": f"bytes={have}-"} if have else {}
        with self._client.stream("GET", remote.url, headers=headers) as response:
            if response.status_code == 416:
                target.unlink()
                advance(-have)
            if response.status_code >= 400:
                raise self._refusal(response.status_code, remote.path)
            if have and response.status_code != 206:
                advance(-have)
                have = 0
            with target.open("ab" if have else "wb") as file:
                for chunk in response.iter_bytes():
                    if have + len(chunk) > remote.size:
                        break
                    file.write(chunk)
                    have += len(chunk)
                    advance(len(chunk))
                else:
                    if have == remote.size:
                        return
                    raise HubUnreachable(f"The hub sent only a part of {remote.name}; try again.")
        target.unlink()
        advance(-have)
        raise DownloadCorrupt(
            f"The hub sent more bytes for {remote.name} than it announced, "
            "so they were thrown away; try again later."
        )

    def _refusal(self, status: int, what: str) -> HubUnreachable | HubRefused:
        if status in PASSING_STATUSES or status >= 500:
            return HubUnreachable(
                f"The hub at {self.endpoint} answers {status} for {what}; try again later."
            )
        return HubRefused(
            f"The hub at {self.endpoint} does not give out {what} (HTTP status {status})."
        )

    @contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        """Turn the errors of the HTTP libraries into one sentence of ours."""
        try:
            yield
        except HfHubHTTPError as error:
            raise self._refusal(error.response.status_code, what) from error
        except OfflineModeIsEnabled as error:
            raise HubUnreachable(
                "HF_HUB_OFFLINE is set, so nothing is fetched; unset it to fetch models."
            ) from error
        except TimeoutError as error:
            raise HubUnreachable(
                f"The hub at {self.endpoint} did not answer within "
                f"{self._connect_timeout_seconds:g} s; try again later."
            ) from error
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            reason = str(error) or type(error).__name__
            raise HubUnreachable(
                f"The hub at {self.endpoint} cannot be reached ({reason}); "
                "check the network and HF_ENDPOINT, or try again later."
            ) from error


def matches(remote: RemoteFile, path: Path) -> bool:
    """Whether the file has the content that the hub announced. Reads it."""
    if _size(path) != remote.size:
        return False
    with path.open("rb") as file:
        if SHA256.fullmatch(remote.checksum):
            return hashlib.file_digest(file, "sha256").hexdigest() == remote.checksum
        git = hashlib.sha1(f"blob {remote.size}\0".encode(), usedforsecurity=False)
        while chunk := file.read(1 << 20):
            git.update(chunk)
        return git.hexdigest() == remote.checksum


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _within(seconds: float, call: Callable[[], T]) -> T:
    """The call's outcome, or TimeoutError after `seconds` in all.

    HTTP timeouts bound single steps, and looking up a name has none. A call that is late ends on
    its own in a daemon thread.
    """
    outcome: Future[T] = Future()

    def run() -> None:
        try:
            outcome.set_result(call())
        except BaseException as error:
            outcome.set_exception(error)

    threading.Thread(target=run, name="hub-metadata", daemon=True).start()
    return outcome.result(timeout=seconds)
