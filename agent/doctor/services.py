"""Checks of LiveKit, the LLM endpoint, the page and the ports."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any

from agent.distribution import livekit_config
from agent.doctor.findings import Finding, fail, ok, warn
from agent.settings import Settings
from services.web.http.addresses import is_loopback, without_password

_ANSWER_SECONDS = 4.0
_SHOWN_MODELS = 8
_SHORTEST_SECRET = 32


async def check_livekit(settings: Settings) -> AsyncIterator[Finding]:
    """Check the configured server and its credentials, or else the program that `dev` starts."""
    if settings.livekit.url:
        yield await _check_server(settings)
    else:
        yield await _check_program(settings)


async def check_llm(settings: Settings) -> AsyncIterator[Finding]:
    """Check that the endpoint answers, accepts the key and has the model."""
    base_url, model = settings.llm.base_url, settings.llm.model
    if not base_url:
        yield ok("LLM", "none set (LLM_BASE_URL and LLM_MODEL): the built-in replies answer")
        return
    import aiohttp

    from agent.observability.network_errors import reason

    key = settings.llm.api_key.get_secret_value()
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_ANSWER_SECONDS)) as session,
            session.get(f"{base_url.rstrip('/')}/models", headers=headers) as answer,
        ):
            status = answer.status
            content = await answer.json(content_type=None) if status == HTTPStatus.OK else None
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        yield fail(
            "LLM",
            f"{without_password(base_url)}: {reason(error, waited_seconds=_ANSWER_SECONDS)}",
            "is it running? see LLM_BASE_URL",
        )
        return
    yield _judge_llm(without_password(base_url), model, status, content)


async def check_page(_: Settings) -> AsyncIterator[Finding]:
    """Check that the page is built."""
    from services.web.routes.page import INDEX, STATIC

    if (STATIC / INDEX).is_file():
        yield ok("page", "built")
    else:
        yield warn("page", "not built", "run `make page` (needs Node.js); `start` needs no page")


async def check_ports(settings: Settings) -> AsyncIterator[Finding]:
    """Check that the ports of the product are free."""
    web = settings.web
    yield _check_port("the page", web.host, web.port, "WEB")
    yield _check_port("a production worker", web.worker_host, web.worker_port, "WORKER")
    wyoming = settings.wyoming
    if wyoming.port:
        yield _check_port("Home Assistant", wyoming.host, wyoming.port, "WYOMING")
        if not (wyoming.allowed or is_loopback(wyoming.host)):
            yield warn(
                "port",
                f"whoever reaches {wyoming.host}:{wyoming.port} may use recogniser and voice, as "
                "the Wyoming protocol has no keys",
                "name the addresses of your clients in WYOMING_ALLOWED",
            )


def _check_port(use: str, host: str, port: int, prefix: str) -> Finding:
    try:
        _try_port(host, port)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return warn(
                "port",
                f"{host}:{port} for {use} is taken",
                f"stop the process that uses it (perhaps a running agent), or set {prefix}_PORT",
            )
        return fail(
            "port", f"{host}:{port} for {use}: {error.strerror}", f"see {prefix}_HOST and _PORT"
        )
    return ok("port", f"{host}:{port} for {use} is free")


async def _check_server(settings: Settings) -> Finding:
    import aiohttp
    from livekit import api

    from agent.observability.network_errors import reason

    livekit = settings.livekit
    url = without_password(livekit.url)
    try:
        async with api.LiveKitAPI(
            livekit.url,
            livekit.api_key,
            livekit.api_secret.get_secret_value(),
            timeout=aiohttp.ClientTimeout(total=_ANSWER_SECONDS),
            failover=False,
        ) as server:
            answer = await server.room.list_rooms(api.ListRoomsRequest())
    except api.TwirpError as error:
        if error.status == HTTPStatus.UNAUTHORIZED:
            return fail(
                "LiveKit",
                f"{url} does not accept the key {livekit.api_key}",
                "set LIVEKIT_API_KEY and LIVEKIT_API_SECRET to a pair of that server's `keys`, "
                "and compare the clocks of both machines",
            )
        return fail(
            "LiveKit",
            f"{url} answers {error.status} {error.message}".rstrip(),
            "is LIVEKIT_URL the address of a LiveKit server?",
        )
    except (aiohttp.ClientError, TimeoutError) as error:
        return fail(
            "LiveKit",
            f"{url}: {reason(error, waited_seconds=_ANSWER_SECONDS)}",
            "is it running? see LIVEKIT_URL",
        )
    text = f"{url} accepts the key; rooms in progress: {len(answer.rooms)}"
    if len(livekit.api_secret.get_secret_value()) < _SHORTEST_SECRET:
        return warn("LiveKit", text, f"use a secret of {_SHORTEST_SECRET} characters or more")
    return ok("LiveKit", text)


async def _check_program(settings: Settings) -> Finding:
    from services.livekit_server.program import LiveKitServerError, find_program

    try:
        program = find_program(settings.livekit.server)
    except LiveKitServerError as error:
        return fail("LiveKit", str(error))
    try:
        process = await asyncio.create_subprocess_exec(
            program,
            "--version",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            output, _ = await asyncio.wait_for(process.communicate(), _ANSWER_SECONDS)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    except (OSError, TimeoutError) as error:
        return fail("LiveKit", f"{program} does not run: {error}", "install it again")
    version = output.decode(errors="replace").strip().rpartition(" ")[2]
    config = livekit_config(settings.livekit.server_config)
    if process.returncode or not version:
        return fail("LiveKit", f"{program} is not a livekit-server", "see LIVEKIT_SERVER")
    if not config.is_file():
        return fail(
            "LiveKit", f"{config} is not there", "start in its folder, or set LIVEKIT_SERVER_CONFIG"
        )
    return ok("LiveKit", f"server {version} at {program}, started by `dev` with {config}")


def _judge_llm(base_url: str, model: str, status: int, content: Any) -> Finding:
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return fail("LLM", f"{base_url} does not accept the key ({status})", "set LLM_API_KEY")
    if status == HTTPStatus.NOT_FOUND:
        return warn(
            "LLM",
            f"{base_url} lists no models, so {model} cannot be checked",
            "compare LLM_BASE_URL with the endpoint's manual: it often ends with /v1",
        )
    if status != HTTPStatus.OK:
        return fail("LLM", f"{base_url} answers {status}", "see that server's log")
    names = _model_names(content)
    if model in names or f"{model}:latest" in names:
        return ok("LLM", f"{base_url} has {model}")
    listed = ", ".join(names[:_SHOWN_MODELS]) or "none"
    if len(names) > _SHOWN_MODELS:
        listed += f" and {len(names) - _SHOWN_MODELS} more"
    return warn("LLM", f"{base_url} does not list {model}", f"set LLM_MODEL to one of: {listed}")


def _model_names(content: Any) -> list[str]:
    entries = content.get("data") if isinstance(content, dict) else None
    if not isinstance(entries, list):
        return []
    return [str(entry["id"]) for entry in entries if isinstance(entry, dict) and "id" in entry]


def _try_port(host: str, port: int) -> None:
    """Listen on a port for a moment. Raises OSError."""
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind, protocol) as probe:
        # As servers do: a port with connections in TIME_WAIT can be listened on.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(address)
