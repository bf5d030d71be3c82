"""HTTP requests to a language model's endpoint, every wait and size bounded."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import AsyncIterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from livekit.agents import APIConnectionError

from agent.observability.network_errors import reason

LONGEST_REFUSAL_BYTES = 16_384
"""How much of an error's body is read."""
LONGEST_LIST_BYTES = 1_048_576
"""How much of the list of models is read."""
_USER_AGENT = "local-voice-agent"


@dataclass(eq=False)
class RefusedError(Exception):
    """The endpoint answered with an error."""

    status: int
    words: str
    """The endpoint's own, which may quote the request: for judging, not for the log."""
    retry_after_seconds: float = 0.0
    """How long the endpoint asks to wait before another try; 0: not said."""

    def __str__(self) -> str:
        return f"the endpoint answered {self.status}"


class Endpoint:
    """An OpenAI-compatible endpoint. Its connections belong to the event loop that uses it first.

    Only this endpoint is ever connected to: redirects, proxies and keys of the environment are not
    used.
    """

    def __init__(self, base_url: str, api_key: str, *, connect_seconds: float = 3.0) -> None:
        self._url = urlsplit(base_url)
        self._headers = {"User-Agent": _USER_AGENT, "Accept-Encoding": "identity"}
        if api_key:
            self._url = self._url._replace(netloc=self._url.netloc.rpartition("@")[2])
            self._headers["Authorization"] = f"Bearer {api_key}"
        self._connect_seconds = connect_seconds
        self._session: aiohttp.ClientSession | None = None

    @property
    def address(self) -> str:
        """Without credentials."""
        netloc = self._url.netloc.rpartition("@")[2]
        return self._url._replace(netloc=netloc, query="", fragment="").geturl().rstrip("/")

    @contextlib.asynccontextmanager
    async def complete(
        self, body: dict[str, Any], *, idle_seconds: float
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Ask for a completion; the answer's body is read by the caller, from `content`.

        Args:
            idle_seconds: longest silence before the headers and between two parts of the body.

        Raises:
            RefusedError: the endpoint answered with an error.
            APIConnectionError: it cannot be reached, or broke off; the text has no words of it.
            TimeoutError: it was silent for too long.
        """
        timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=self._connect_seconds, sock_read=idle_seconds
        )
        try:
            async with self._opened().post(
                self._at("chat/completions"), json=body, timeout=timeout, allow_redirects=False
            ) as response:
                await self._require_answer(response)
                yield response
        except aiohttp.ConnectionTimeoutError:
            raise APIConnectionError(f"{self.address} cannot be reached") from None
        except TimeoutError:
            raise
        except aiohttp.ClientError as error:
            why = reason(error, waited_seconds=idle_seconds)
            if not isinstance(error, aiohttp.ClientConnectorError):
                why = type(error).__name__
            raise APIConnectionError(f"{self.address}: {why}") from None

    async def models(self, *, seconds: float) -> Any:
        """Ask for the list of models; returns JSON of any form.

        Raises:
            RefusedError: the endpoint answered with an error.
            aiohttp.ClientError, TimeoutError, ValueError: it does not answer, or with no JSON.
        """
        timeout = aiohttp.ClientTimeout(total=seconds, sock_connect=self._connect_seconds)
        async with self._opened().get(
            self._at("models"), timeout=timeout, allow_redirects=False
        ) as response:
            await self._require_answer(response)
            return json.loads(await _read(response, LONGEST_LIST_BYTES))

    async def aclose(self) -> None:
        """Close the connections. Idempotent."""
        if self._session is not None:
            await self._session.close()

    def _at(self, path: str) -> str:
        return self._url._replace(path=f"{self._url.path.rstrip('/')}/{path}").geturl()

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            # Compressed bodies are refused: a small one may unfold to gigabytes at once.
            self._session = aiohttp.ClientSession(
                headers=self._headers, auto_decompress=False, trust_env=False
            )
        return self._session

    async def _require_answer(self, response: aiohttp.ClientResponse) -> None:
        if response.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise APIConnectionError(
                f"{self.address} compresses its answers though it is asked not to", retryable=False
            )
        if response.status != HTTPStatus.OK:
            words = (await _read(response, LONGEST_REFUSAL_BYTES)).decode("utf-8", "replace")
            raise RefusedError(response.status, words, _retry_after(response))


async def _read(response: aiohttp.ClientResponse, longest: int) -> bytes:
    """Read the beginning of a body."""
    data = b""
    while len(data) < longest and (more := await response.content.readany()):
        data += more
    return data[:longest]


def _retry_after(response: aiohttp.ClientResponse) -> float:
    try:
        seconds = float(response.headers.get("Retry-After", "0"))
    except ValueError:
        return 0.0
    return seconds if math.isfinite(seconds) and seconds > 0.0 else 0.0
