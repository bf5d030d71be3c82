"""Sends records to webhooks until they are taken, signed as Standard Webhooks describes.

https://www.standardwebhooks.com; receivers find libraries for many languages there.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import hmac
import logging
import random
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import aiohttp

from agent.records.outbox import Parcel, take, waiting
from agent.records.troubles import Troubles

logger = logging.getLogger("agent.records")

REQUEST_SECONDS: Final = 30.0
"""Longest time for one request."""
FIRST_RETRY_SECONDS: Final = 1.0
LONGEST_RETRY_SECONDS: Final = 900.0
CLOSING_SECONDS: Final = 1.0
"""At the end of the process, for what was just made; the rest is sent after the next start."""

_LOOK_SECONDS = 60.0
"""Between looks for what other workers have left."""
_OF_THIS_RECORD = range(400, 500)
_OF_THE_MOMENT = (408, 425, 429)


class WebhookDelivery:
    """Sends what waits in the spool, to each webhook in order; lives on one event loop."""

    def __init__(self, spool: Path, *, secret: Callable[[str, str], str]) -> None:
        """Send nothing yet.

        Args:
            spool: the folder in which records wait.
            secret: returns the secret for an agent and its webhook; empty where the settings
                have no such webhook any more.
        """
        self._spool = spool
        self._secret = secret
        self._news = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._sending: dict[str, asyncio.Task[None]] = {}
        self._running: asyncio.Task[None] | None = None
        self._troubles = Troubles()

    def start(self) -> None:
        """Begin with what waits already."""
        self._running = asyncio.create_task(self._run(), name="record-delivery")

    def wake(self) -> None:
        """Look for what waits; from any thread."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._news.set)

    async def aclose(self) -> None:
        """Send what is new, within `CLOSING_SECONDS`, and end. Idempotent."""
        if self._running is None:
            return
        await self._look()
        if self._sending:
            await asyncio.wait(self._sending.values(), timeout=CLOSING_SECONDS)
        tasks = [self._running, *self._sending.values()]
        self._running = None
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            self._news.clear()
            await self._look()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), _LOOK_SECONDS)

    async def _look(self) -> None:
        """Have a task for each webhook for which something waits."""
        for name in await asyncio.to_thread(waiting, self._spool):
            if name not in self._sending:
                task = asyncio.create_task(self._send_all(name), name="send-records")
                self._sending[name] = task
                task.add_done_callback(partial(self._sent, name))

    def _sent(self, name: str, task: asyncio.Task[None]) -> None:
        self._sending.pop(name, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("records not sent", exc_info=error)

    async def _send_all(self, name: str) -> None:
        """Send until nothing waits for that webhook, or others send it."""
        failures = 0
        # Cookies of a receiver mean nothing, and its redirects are not followed: it could lead
        # records to addresses that their owner never named.
        async with aiohttp.ClientSession(
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=REQUEST_SECONDS),
        ) as client:
            while True:
                paths = (await asyncio.to_thread(waiting, self._spool)).get(name, [])
                outcomes = []
                for path in paths:
                    outcome = await self._send_file(client, path)
                    if outcome is not None:
                        outcomes.append(outcome is True)
                        if outcome == "later":
                            break
                if not outcomes:
                    return
                if all(outcomes):
                    failures = 0
                    continue
                failures += 1
                await asyncio.sleep(retry_seconds(failures))

    async def _send_file(self, client: aiohttp.ClientSession, path: Path) -> bool | str | None:
        """Return True for a record that was taken, False or "later" for one that was not.

        "later" means that others would not be taken either; None that there is nothing to send.
        """
        taking = asyncio.create_task(asyncio.to_thread(take, path), name="take-record")
        try:
            parcel = await asyncio.shield(taking)
        except asyncio.CancelledError:
            taking.add_done_callback(_put_back)
            raise
        except (OSError, ValueError) as error:
            self._troubles.occurred(str(path), "record cannot be read", error)
            return None
        if parcel is None:
            return None
        try:
            return await self._send(client, parcel)
        finally:
            parcel.put_back()

    async def _send(self, client: aiohttp.ClientSession, parcel: Parcel) -> bool | str:
        host = urlsplit(parcel.webhook).hostname or ""
        secret = self._secret(parcel.agent, parcel.webhook)
        if not secret:
            self._troubles.occurred(host, "webhook is not in the settings any more", "no secret")
            return "later"
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "local-voice-agent",
            **signed(parcel.id, parcel.body, secret, int(time.time())),
        }
        try:
            async with client.post(
                parcel.webhook, data=parcel.body, headers=headers, allow_redirects=False
            ) as response:
                status = response.status
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            # The texts of these errors have the address, of which a part may be secret.
            self._troubles.occurred(host, "webhook not reached", type(error).__name__)
            return "later"
        if 200 <= status < 300:
            await asyncio.to_thread(parcel.delivered)
            self._troubles.over(host)
            logger.info("record sent", extra={"record": parcel.id, "host": host})
            return True
        self._troubles.occurred(host, "webhook takes no records", f"status {status}")
        return False if status in _OF_THIS_RECORD and status not in _OF_THE_MOMENT else "later"


def _put_back(taking: asyncio.Task[Parcel | None]) -> None:
    """Let others send what was taken for nobody."""
    if not taking.cancelled() and taking.exception() is None and (parcel := taking.result()):
        parcel.put_back()


def signed(record: str, body: bytes, secret: str, moment: int) -> dict[str, str]:
    """Return the headers that sign a body, sent at that Unix time.

    A secret of the form `whsec_…` is base64, as the libraries of Standard Webhooks have it.
    """
    key = secret.encode()
    if secret.startswith("whsec_"):
        with contextlib.suppress(binascii.Error):
            key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    mac = hmac.digest(key, f"{record}.{moment}.".encode() + body, "sha256")
    return {
        "webhook-id": record,
        "webhook-timestamp": str(moment),
        "webhook-signature": f"v1,{base64.b64encode(mac).decode()}",
    }


def retry_seconds(failures: int) -> float:
    """Return how long to wait after so many failures in a row: twice as long each time, about."""
    wait = min(LONGEST_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2.0 ** min(failures - 1, 20))
    return wait * random.uniform(0.5, 1.5)
