"""Downloads: resumed, verified by checksum, given up soon if the server does not answer."""

import logging
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import httpx2

from .errors import DownloadCorrupt, SourceRefused, SourceUnreachable
from .files import ModelFile, has_content

logger = logging.getLogger("services.models")

ANSWER_TIMEOUT_SECONDS = 4.0
"""Time limit for the first response of a server; then the next source is tried."""

STALL_TIMEOUT_SECONDS = 15.0
"""A transfer without progress for this long counts as broken."""

RETRY_DELAYS_SECONDS = (0.5, 2.0, 4.0)
"""Delays before retrying a broken transfer; any progress starts them over."""

RANGE_REFUSED = 416

PASSING_STATUSES = (408, 429)
"""Client error statuses that are worth a retry."""

LONGEST_PAGE_BYTES = 32 * 2**20

PRODUCT = "local-voice-agent"

T = TypeVar("T")

Advance = Callable[[int], None]
"""Called with the number of bytes received; negative for discarded ones."""


@dataclass(frozen=True)
class Server:
    """A server: its name in messages, how to reach it, and the credentials."""

    name: str
    """Start of a sentence, such as `The hub at https://…`; contains no secret."""
    cure: str
    """What to check when it cannot be reached."""
    address: httpx2.URL
    """Credentials are sent to this origin only."""
    credentials: tuple[str, str] | None = field(default=None, repr=False)
    """User name and password."""
    verify: ssl.SSLContext | bool = True
    proxy: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Page:
    """A short response, read completely."""

    url: httpx2.URL
    """URL after redirects."""
    content_type: str
    text: str


class Transfer:
    """Connections to one server; for use by one thread.

    No token, telemetry or request identifier is sent.
    """

    def __init__(
        self,
        server: Server,
        *,
        answer_timeout_seconds: float = ANSWER_TIMEOUT_SECONDS,
        stall_timeout_seconds: float = STALL_TIMEOUT_SECONDS,
        retry_delays_seconds: Sequence[float] | None = None,
    ) -> None:
        self.server = server
        self._answer_timeout_seconds = answer_timeout_seconds
        self._stall_timeout_seconds = stall_timeout_seconds
        delays = RETRY_DELAYS_SECONDS if retry_delays_seconds is None else retry_delays_seconds
        self._retry_delays_seconds = tuple(delays)
        self._answered = False
        self._client = httpx2.Client(
            headers={"User-Agent": PRODUCT, "Accept-Encoding": "identity"},
            follow_redirects=True,
            timeout=httpx2.Timeout(stall_timeout_seconds, connect=answer_timeout_seconds),
            verify=server.verify,
            proxy=server.proxy,
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def read_page(self, url: httpx2.URL, what: str, *, accept: str) -> Page:
        """Read a short response. Blocks for at most the sum of both timeouts.

        Raises SourceUnreachable if the server does not answer, SourceRefused if it declines.
        """
        deadline = time.monotonic() + self._answer_timeout_seconds + self._stall_timeout_seconds
        content = bytearray()
        with self._opened(url, what, {"Accept": accept}) as response:
            for chunk in response.iter_bytes():
                content += chunk
                if len(content) > LONGEST_PAGE_BYTES:
                    raise SourceRefused(f"{self.server.name} sends too long a page for {what}.")
                if time.monotonic() > deadline:
                    raise SourceUnreachable(f"{self.server.name} is too slow; try again later.")
            kind = response.headers.get("Content-Type", "")
            text = content.decode(response.charset_encoding or "utf-8", errors="replace")
            return Page(response.url, kind, text)

    def download(self, url: httpx2.URL, file: ModelFile, target: Path, *, advance: Advance) -> None:
        """Download `file` to `target`, resuming what is there, and check it.

        `target` is kept for a later call if the server stops answering (SourceUnreachable) or the
        process ends; it is removed if the bytes are wrong (DownloadCorrupt).
        """
        resumed = target.exists()
        self._transfer(url, file, target, advance)
        if has_content(target, file):
            return
        advance(-file.size)
        target.unlink()
        # The existing part may have been damaged, or sent by another source: start over once.
        if resumed:
            self.download(url, file, target, advance=advance)
            return
        raise DownloadCorrupt(
            f"{self.server.name} sent {file.name} with the wrong content (its checksum differs), "
            "so it was discarded; try again later."
        )

    def _transfer(self, url: httpx2.URL, file: ModelFile, target: Path, advance: Advance) -> None:
        failures = 0
        while True:
            before = _size(target)
            if before == file.size:
                return
            try:
                self._transfer_once(url, file, target, advance)
            except SourceUnreachable as error:
                failures = 0 if _size(target) > before else failures + 1
                if not self._answered or failures > len(self._retry_delays_seconds):
                    raise
                logger.info(
                    "transfer interrupted, retrying",
                    extra={"file": file.name, "bytes": _size(target), "reason": str(error)},
                )
                if self._retry_delays_seconds:
                    time.sleep(self._retry_delays_seconds[max(0, failures - 1)])

    def _transfer_once(
        self, url: httpx2.URL, file: ModelFile, target: Path, advance: Advance
    ) -> None:
        have = _size(target)
        if have > file.size:
            advance(-have)
            target.unlink()
            have = 0
        headers = {"Range": f"bytes={have}-"} if have else {}
        with self._opened(url, file.name, headers) as response:
            if response.status_code == RANGE_REFUSED:
                target.unlink(missing_ok=True)
                advance(-have)
                raise SourceUnreachable(f"{self.server.name} cannot resume {file.name}; try again.")
            if have and response.status_code != 206:
                advance(-have)
                have = 0
            self._check_announced(response, file, have)
            with target.open("ab" if have else "wb") as content:
                for chunk in response.iter_bytes():
                    if have + len(chunk) > file.size:
                        break
                    content.write(chunk)
                    have += len(chunk)
                    advance(len(chunk))
                else:
                    if have == file.size:
                        return
                    raise SourceUnreachable(
                        f"{self.server.name} sent only part of {file.name}; try again."
                    )
        target.unlink()
        advance(-have)
        raise self._wrong_size(file, "more bytes")

    def _check_announced(self, response: httpx2.Response, file: ModelFile, have: int) -> None:
        announced = response.headers.get("Content-Length", "")
        if "Content-Encoding" in response.headers or not announced.isdigit():
            return
        if have + int(announced) != file.size:
            raise self._wrong_size(file, f"{have + int(announced)} bytes")

    def _wrong_size(self, file: ModelFile, sent: str) -> DownloadCorrupt:
        return DownloadCorrupt(
            f"{self.server.name} sends {sent} for {file.name} instead of {file.size}, so they "
            f"were discarded: a proxy or a login page may be in the way; {self.server.cure}."
        )

    @contextmanager
    def _opened(
        self, url: httpx2.URL, what: str, headers: dict[str, str]
    ) -> Iterator[httpx2.Response]:
        """Send a request and check the status; maps every error to a SourceError."""
        request = self._client.build_request("GET", url, headers=headers)
        auth = self._auth(url)
        seconds = self._stall_timeout_seconds if self._answered else self._answer_timeout_seconds
        try:
            response = _within(
                seconds,
                lambda: self._client.send(request, stream=True, auth=auth),
                discard=httpx2.Response.close,
            )
            try:
                if response.status_code >= 400 and response.status_code != RANGE_REFUSED:
                    raise self._refusal(response.status_code, what)
                self._answered = True
                yield response
            finally:
                response.close()
        except TimeoutError as error:
            raise SourceUnreachable(
                f"{self.server.name} did not answer within {seconds:g} s; try again later."
            ) from error
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            reason = str(error) or type(error).__name__
            raise SourceUnreachable(
                f"{self.server.name} cannot be reached ({reason}); "
                f"{self.server.cure}, or try again later."
            ) from error

    def _auth(self, url: httpx2.URL) -> httpx2.BasicAuth | None:
        own, credentials = self.server.address, self.server.credentials
        same = (url.scheme, url.host, url.port) == (own.scheme, own.host, own.port)
        return httpx2.BasicAuth(*credentials) if credentials is not None and same else None

    def _refusal(self, status: int, what: str) -> SourceUnreachable | SourceRefused:
        if status in PASSING_STATUSES or status >= 500:
            return SourceUnreachable(
                f"{self.server.name} answers {status} for {what}; try again later."
            )
        return SourceRefused(f"{self.server.name} does not provide {what} (HTTP status {status}).")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _within(seconds: float, call: Callable[[], T], *, discard: Callable[[T], None]) -> T:
    """Return the result of `call`, or raise TimeoutError after `seconds` in total.

    HTTP timeouts apply to single steps, and name resolution has none. A late call ends by itself
    in a daemon thread, and its result is discarded.
    """
    outcome: Future[T] = Future()

    def run() -> None:
        try:
            result = call()
        except BaseException as error:
            if outcome.set_running_or_notify_cancel():
                outcome.set_exception(error)
            return
        if outcome.set_running_or_notify_cancel():
            outcome.set_result(result)
        else:
            discard(result)

    threading.Thread(target=run, name="first-answer", daemon=True).start()
    try:
        return outcome.result(timeout=seconds)
    except TimeoutError:
        if outcome.cancel():
            raise
        return outcome.result()
