"""An OpenAI-compatible endpoint that always gives the same reply, at once or at a real pace."""

from __future__ import annotations

import asyncio
import json
import re
import time
from dataclasses import dataclass
from typing import Any

from aiohttp import web

MODEL = "fixed"
_TOKEN = re.compile(r"\s*(?:[\w']+|[^\w\s])")


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a language model writes."""

    first_token_seconds: float
    """From the request to the first token."""
    tokens_per_second: float


REALISTIC = Pace(first_token_seconds=0.3, tokens_per_second=30.0)
"""About what a small model on a GPU of its own does, or a hosted one."""


class FixedReplies:
    """Serves `POST /v1/chat/completions` on loopback; belongs to one event loop."""

    def __init__(self, reply: str) -> None:
        self.reply = reply
        """What is answered from now on."""
        self.pace: Pace | None = None
        """How fast, from now on; None: at once."""
        self.requests = 0
        self._runner: web.AppRunner | None = None

    async def start(self) -> str:
        """Listen on a free port; returns the base URL."""
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self._complete)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = self._runner.addresses[0][1]
        return f"http://127.0.0.1:{port}/v1"

    async def stop(self) -> None:
        """Close the port."""
        if self._runner is not None:
            await self._runner.cleanup()

    def answer(self, asked: dict[str, Any]) -> str:
        """The reply to a request, as its JSON says it."""
        return self.reply

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        began = time.monotonic()
        self.requests += 1
        pace = self.pace
        asked = await request.json()
        reply = self.answer(asked)
        if not asked.get("stream"):
            message = {"role": "assistant", "content": reply}
            return web.json_response(_completion([{"message": message, "finish_reason": "stop"}]))
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        try:
            for number, token in enumerate(_TOKEN.findall(reply)):
                if pace is not None:
                    due = began + pace.first_token_seconds + number / pace.tokens_per_second
                    await asyncio.sleep(max(0.0, due - time.monotonic()))
                delta = {"role": "assistant", "content": token}
                await response.write(_event([{"index": 0, "delta": delta, "finish_reason": None}]))
            stop = [{"index": 0, "delta": {}, "finish_reason": "stop"}]
            await response.write(_event(stop))
            await response.write(b"data: [DONE]\n\n")
        except (ConnectionError, asyncio.CancelledError):
            # The agent was interrupted, or threw a prepared reply away.
            pass
        return response


def _completion(choices: list[dict[str, Any]], kind: str = "chat.completion") -> dict[str, Any]:
    return {
        "id": "fixed",
        "object": kind,
        "created": int(time.time()),
        "model": MODEL,
        "choices": choices,
    }


def _event(choices: list[dict[str, Any]]) -> bytes:
    chunk = _completion(choices, "chat.completion.chunk")
    return f"data: {json.dumps(chunk)}\n\n".encode()
