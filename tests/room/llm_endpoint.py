"""A local server that speaks the OpenAI streaming protocol, as well or badly as a test wants."""

from __future__ import annotations

import asyncio
import gzip
import json
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from aiohttp import web

ANSWER = "It is a fine day."
BEGINNING = "It is a fine"

Respond = Callable[[web.StreamResponse, dict[str, Any]], Awaitable[None]]
Refuse = Callable[[dict[str, Any]], tuple[int, Any] | None]
"""Status and body of the error that a request gets; None: it is answered."""


class Endpoint:
    """Answers on one port of loopback; can go down there and come back."""

    def __init__(self) -> None:
        self.port = 0
        self.requests: list[dict[str, Any]] = []
        """Bodies of the requests so far, refused ones too."""
        self.wakings: list[dict[str, Any]] = []
        """... of those that only have the model loaded."""
        self.refused = 0
        self.models: list[dict[str, Any]] = []
        """What it lists."""
        self.keys: set[str] = set()
        """`Authorization` headers so far."""
        self.status = 200
        self.redirect_to = ""
        self.respond: Respond = answer
        self.refuse: Refuse | None = None
        self.instead: Callable[[], web.Response] | None = None
        """What is sent in place of a stream."""
        self._runner: web.AppRunner | None = None

    @property
    def base_url(self) -> str:
        """For the setting."""
        return f"http://127.0.0.1:{self.port}/v1"

    def recover(self) -> None:
        """Answer well from now on."""
        self.status, self.redirect_to, self.respond = 200, "", answer
        self.refuse = self.instead = None

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
            # The list of models, which also opens the connection ahead of time.
            return web.json_response({"data": self.models})
        body = await request.json()
        waking = body.get("max_tokens") == 1
        (self.wakings if waking else self.requests).append(body)
        self.keys.add(request.headers.get("Authorization", ""))
        if self.redirect_to:
            return web.Response(status=307, headers={"Location": self.redirect_to})
        if self.status != 200:
            return web.json_response({"error": {"message": "broken"}}, status=self.status)
        if self.refuse is not None and (refusal := self.refuse(body)) is not None:
            self.refused += not waking
            return web.json_response(refusal[1], status=refusal[0])
        if self.instead is not None:
            return self.instead()
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        # The agent hangs up when it has heard enough.
        with suppress(ConnectionError):
            await self.respond(response, body)
        return response


@contextmanager
def endpoint_in_thread() -> Iterator[Endpoint]:
    """An endpoint for tests that do not run on an event loop themselves."""
    endpoint = Endpoint()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="llm-endpoint")
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(endpoint.up(), loop).result(10)
        yield endpoint
    finally:
        asyncio.run_coroutine_threadsafe(endpoint.down(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


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
    await _call_a_tool(response, body, "set_timer", '{"when": "one second"}')


async def end_the_call(response: web.StreamResponse, body: dict[str, Any]) -> None:
    """Call the tool; once its result is there, answer."""
    await _call_a_tool(response, body, "end_call", "{}")


async def _call_a_tool(
    response: web.StreamResponse, body: dict[str, Any], name: str, arguments: str
) -> None:
    if body["messages"][-1]["role"] == "tool":
        await answer(response, body)
        return
    function = {"name": name, "arguments": arguments}
    call = {"index": 0, "id": "call_1", "type": "function", "function": function}
    await _send(response, {"role": "assistant", "tool_calls": [call]})
    await _finish(response, "tool_calls")


def says(*pieces: str, seconds_between: float = 0.0, reason: str = "stop") -> Respond:
    """An answer in exactly these pieces; after a tool's result, the ordinary one."""

    async def respond(response: web.StreamResponse, body: dict[str, Any]) -> None:
        if body["messages"][-1]["role"] == "tool":
            await answer(response, body)
            return
        for piece in pieces:
            await _send(response, {"role": "assistant", "content": piece})
            await asyncio.sleep(seconds_between)
        await _finish(response, reason)

    return respond


def sends(
    *deltas: dict[str, Any], seconds_between: float = 0.0, reason: str | None = "stop"
) -> Respond:
    """An answer of exactly these deltas; after a tool's result, the ordinary one."""

    async def respond(response: web.StreamResponse, body: dict[str, Any]) -> None:
        if body["messages"][-1]["role"] == "tool":
            await answer(response, body)
            return
        for delta in deltas:
            await _send(response, delta)
            await asyncio.sleep(seconds_between)
        if reason is not None:
            await _finish(response, reason)

    return respond


def calls(
    *named: tuple[str, str], same_index: bool = False, ids: bool = True, reason: str | None = "stop"
) -> Respond:
    """Tool calls of (name, arguments), numbered and named as badly as is wanted."""
    deltas = []
    for number, (name, arguments) in enumerate(named):
        call: dict[str, Any] = {"function": {"name": name, "arguments": arguments}}
        call |= {"index": 0 if same_index else number, "type": "function"}
        deltas.append({"tool_calls": [call | ({"id": f"call_{number}"} if ids else {})]})
    return sends(*deltas, reason=reason)


def always(respond: Respond) -> Respond:
    """The same, whatever tools have answered."""

    async def again(response: web.StreamResponse, body: dict[str, Any]) -> None:
        asked = [message for message in body["messages"] if message["role"] != "tool"]
        await respond(response, {**body, "messages": asked})

    return again


def loads_for(seconds: float) -> Respond:
    """Answer once somebody has waited for so long; whoever hangs up ends the loading."""
    loaded = False

    async def respond(response: web.StreamResponse, body: dict[str, Any]) -> None:
        nonlocal loaded
        if not loaded:
            await asyncio.sleep(seconds)
            loaded = True
        await answer(response, body)

    return respond


def refuses_tools(status: int, error: Any) -> Refuse:
    """Answer such an error to every request with tools."""
    return lambda body: (status, error) if body.get("tools") else None


def refuses_unless_alternating(body: dict[str, Any]) -> tuple[int, Any] | None:
    """As templates do that know a system message and two sides in turn."""
    roles = [message["role"] for message in body["messages"]]
    turns = roles[1:] if roles[0] == "system" else roles
    if any(role != ("user", "assistant")[i % 2] for i, role in enumerate(turns)):
        message = "After the optional system message, conversation roles must alternate"
        return 500, {"error": {"code": 500, "message": message, "type": "server_error"}}
    return None


def refuses_system(body: dict[str, Any]) -> tuple[int, Any] | None:
    """As templates do that know only two sides."""
    if body["messages"][0]["role"] == "system":
        return 400, {"error": {"message": "System role not supported"}}
    return refuses_unless_alternating(body)


def refuses_beyond(characters: int) -> Refuse:
    """As a server whose context holds so much, the instructions and tools not counted."""

    def refuse(body: dict[str, Any]) -> tuple[int, Any] | None:
        used = sum(len(m.get("content") or "") for m in body["messages"] if m["role"] != "system")
        if used <= characters:
            return None
        message = "the request exceeds the available context size, try increasing it"
        error = {"code": 400, "message": message, "type": "exceed_context_size_error"}
        return 400, {"error": error | {"n_prompt_tokens": used, "n_ctx": characters}}

    return refuse


def loading(requests: int) -> Refuse:
    """As llama.cpp's server does while it reads the model."""
    left = requests

    def refuse(body: dict[str, Any]) -> tuple[int, Any] | None:
        nonlocal left
        left -= 1
        message = {"code": 503, "message": "Loading model", "type": "unavailable_error"}
        return (503, {"error": message}) if left >= 0 else None

    return refuse


def echoes(body: dict[str, Any]) -> tuple[int, Any] | None:
    """As servers do that answer what they were sent to what they cannot read."""
    return 422, {"detail": [{"type": "missing", "loc": ["body"], "input": body}]}


async def endless(response: web.StreamResponse, body: dict[str, Any]) -> None:
    """Never come to an end."""
    while True:
        await _say(response, "and so on and so forth. " * 50)


async def endless_line(response: web.StreamResponse, body: dict[str, Any]) -> None:
    """Begin an event that never ends."""
    await response.write(b'data: {"choices": [{"delta": {"content": "')
    while True:
        await response.write(b"a" * 65_536)


async def endless_reasoning(response: web.StreamResponse, body: dict[str, Any]) -> None:
    """Think for ever, in large pieces."""
    while True:
        await _send(response, {"reasoning_content": "hmm " * 10_000})


async def one_huge_event(response: web.StreamResponse, body: dict[str, Any]) -> None:
    """100 MB in one piece."""
    await response.write(b'data: {"choices": [{"delta": {"content": "')
    for _ in range(100):
        await response.write(b"a" * 1_000_000)
    await response.write(b'"}}]}\n\ndata: [DONE]\n\n')


def compressed_bomb() -> web.Response:
    """100 MB of a single letter, in 100 KB."""
    packed = gzip.compress(b"a" * 100_000_000, 1)
    headers = {"Content-Encoding": "gzip", "Content-Type": "text/event-stream"}
    return web.Response(body=packed, headers=headers)


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
