"""A local server that speaks the OpenAI streaming protocol, as well or badly as a test wants."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

ANSWER = "It is a fine day."
BEGINNING = "It is a fine"

Respond = Callable[[web.StreamResponse, dict[str, Any]], Awaitable[None]]


class Endpoint:
    """Answers on one port of loopback; can go down there and come back."""

    def __init__(self) -> None:
        self.port = 0
        self.requests: list[dict[str, Any]] = []
        """Bodies of the requests so far."""
        self.keys: set[str] = set()
        """`Authorization` headers so far."""
        self.status = 200
        self.redirect_to = ""
        self.respond: Respond = answer
        self._runner: web.AppRunner | None = None

    @property
    def base_url(self) -> str:
        """For the setting."""
        return f"http://127.0.0.1:{self.port}/v1"

    def recover(self) -> None:
        """Answer well from now on."""
        self.status, self.redirect_to, self.respond = 200, "", answer

    async def up(self) -> None:
        """Listen, on the same port as before; nothing where it does already."""
        if self._runner is not None:
            return
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True)
        await site.start()
        self.port = int(self._runner.addresses[0][1])

    async def down(self) -> None:
        """Refuse connections."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        if not request.can_read_body:
            # An empty request of the framework, which opens the connection ahead of time.
            return web.json_response({"data": []})
        body = await request.json()
        self.requests.append(body)
        self.keys.add(request.headers.get("Authorization", ""))
        if self.redirect_to:
            return web.Response(status=307, headers={"Location": self.redirect_to})
        if self.status != 200:
            return web.json_response({"error": {"message": "broken"}}, status=self.status)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await self.respond(response, body)
        return response


async def answer(response: web.StreamResponse, body: dict[str, Any]) -> None:
    """Word by word."""
    await _say(response, ANSWER)
    await _finish(response, "stop")


async def never_answer(response: web.StreamResponse, body: dict[str, Any]) -> None:
    """Take the request and say nothing."""
    await asyncio.Event().wait()


async def stall(response: web.StreamResponse, body: dict[str, Any]) -> None:
    """Begin the answer and leave it at that."""
    await _say(response, BEGINNING)
    await asyncio.Event().wait()


async def cut_off(response: web.StreamResponse, body: dict[str, Any]) -> None:
    """Begin the answer and drop the connection."""
    await _say(response, BEGINNING)
    request = response._req
    assert request is not None
    assert request.transport is not None
    request.transport.abort()


async def set_a_timer(response: web.StreamResponse, body: dict[str, Any]) -> None:
    """Call the tool; once its result is there, answer."""
    if body["messages"][-1]["role"] == "tool":
        await answer(response, body)
        return
    function = {"name": "set_timer", "arguments": '{"when": "one second"}'}
    call = {"index": 0, "id": "call_1", "type": "function", "function": function}
    await _send(response, {"role": "assistant", "tool_calls": [call]})
    await _finish(response, "tool_calls")


async def _say(response: web.StreamResponse, text: str) -> None:
    first, *others = text.split(" ")
    for token in (first, *(f" {word}" for word in others)):
        await _send(response, {"role": "assistant", "content": token})


async def _finish(response: web.StreamResponse, reason: str) -> None:
    await _send(response, {}, reason)
    await response.write(b"data: [DONE]\n\n")


async def _send(
    response: web.StreamResponse, delta: dict[str, Any], reason: str | None = None
) -> None:
    chunk = {
        "id": "answer",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "test",
        "choices": [{"index": 0, "delta": delta, "finish_reason": reason}],
    }
    await response.write(f"data: {json.dumps(chunk)}\n\n".encode())
