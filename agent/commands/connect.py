"""`python -m agent connect`: sends the agent into one room, without waiting for a dispatch."""

from __future__ import annotations

import argparse
import asyncio
import uuid
from typing import TYPE_CHECKING

from agent.commands.command_line import (
    EXIT_USAGE,
    CommandError,
    complain,
    finish_async,
    until_stopped,
)
from agent.settings import Settings, SettingsError, require_livekit
from services.host.open_files import TooFewFilesError, raise_open_files_limit
from services.program import program

if TYPE_CHECKING:
    from livekit.agents import AgentServer
    from livekit.protocol.models import Room

    from agent.runtime.worker import Worker
    from services.livekit_server.credentials import LiveKitCredentials

_LOOK_AGAIN_SECONDS = 0.2
_ANSWER_SECONDS = 10.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the room's name."""
    parser.add_argument("--room", required=True, metavar="NAME", help="made, if there is none")
    parser.epilog = (
        "Uses the server of LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET, and registers "
        "nowhere: no other room is taken. Ends once the callers have left, or with Ctrl-C."
    )


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Stay in the room until the conversation is over."""
    return finish_async("connect", settings, lambda: _run(arguments.room, settings))


async def _run(room: str, settings: Settings) -> int:
    try:
        require_livekit(settings.livekit)
        raise_open_files_limit()
    except SettingsError as error:
        raise CommandError(str(error), status=EXIT_USAGE) from None
    except TooFewFilesError as error:
        raise CommandError(str(error)) from None
    await until_stopped(_serve(room, settings), end_seconds=settings.lifecycle.shutdown_seconds)
    return 0


async def _serve(name: str, settings: Settings) -> None:
    """Hold the conversation of one room; ends with it, or when cancelled."""
    room = await _open_room(name, settings)

    from agent.runtime.supervised_engines import SupervisedEngines
    from agent.runtime.worker import Worker
    from services.asr.config import ASRLoadError
    from services.host.temp_files import TempFilesError
    from services.models import ModelError
    from services.tts.engine import TTSLoadError
    from services.vad.silero import VoiceActivityLoadError

    try:
        engines = SupervisedEngines(settings)
    except TempFilesError as error:
        raise CommandError(str(error)) from error
    livekit = settings.livekit.credentials
    worker = Worker(settings, livekit, engines.shared, engines.supervisor)
    try:
        await worker.prepare()
        for notice in engines.shared.notices:
            complain("connect", notice)
        await _converse(worker, room, livekit)
    except (ModelError, ASRLoadError, TTSLoadError, VoiceActivityLoadError) as error:
        raise CommandError(str(error)) from error
    finally:
        await worker.aclose()
        await engines.aclose()


async def _open_room(name: str, settings: Settings) -> Room:
    """Return the room of that name, created if there is none. Raises CommandError."""
    import aiohttp
    from livekit import api

    from agent.observability.network_errors import reason

    livekit = settings.livekit.credentials
    try:
        async with api.LiveKitAPI(
            livekit.url,
            livekit.api_key,
            livekit.api_secret,
            timeout=aiohttp.ClientTimeout(total=_ANSWER_SECONDS),
            failover=False,
        ) as server:
            found = await server.room.list_rooms(api.ListRoomsRequest(names=[name]))
            if found.rooms:
                return found.rooms[0]
            return await server.room.create_room(api.CreateRoomRequest(name=name))
    except api.TwirpError as error:
        why = f"it answers {error.status} {error.message}".rstrip()
    except (aiohttp.ClientError, TimeoutError) as error:
        why = reason(error, waited_seconds=_ANSWER_SECONDS)
    raise CommandError(
        f"{livekit.url} does not let us into the room: {why}; see `{program()} doctor`"
    )


async def _converse(worker: Worker, room: Room, livekit: LiveKitCredentials) -> None:
    """Serve one room with a worker that is registered nowhere, until the conversation is over."""
    server = worker.server
    started = asyncio.Event()
    server.once("worker_started", lambda *_: started.set())
    serving = asyncio.create_task(
        server.run(devmode=False, unregistered=True), name="connect-server"
    )
    starting = asyncio.create_task(started.wait(), name="connect-starting")
    try:
        await asyncio.wait([serving, starting], return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            await serving
        await server.simulate_job(room.name, room_info=room, token=_token(room.name, livekit))
        print(f"The agent is in room {room.name}. Ctrl-C ends it.", flush=True)
        await _until_over(server)
        print("The conversation has ended.", flush=True)
    finally:
        starting.cancel()
        await server.aclose()
        await asyncio.gather(serving, starting, return_exceptions=True)


async def _until_over(server: AgentServer) -> None:
    """Wait for the job to end, by polling: the framework has no event for it."""
    while True:
        await asyncio.sleep(_LOOK_AGAIN_SECONDS)
        if not server.active_jobs:
            return


def _token(room: str, livekit: LiveKitCredentials) -> str:
    """Return a token like that of an agent that LiveKit dispatches."""
    from livekit import api

    return (
        api.AccessToken(livekit.api_key, livekit.api_secret)
        .with_identity(f"agent-{uuid.uuid4().hex[:12]}")
        .with_kind("agent")
        .with_grants(
            api.VideoGrants(
                room_join=True,
                room=room,
                agent=True,
                can_publish=True,
                can_subscribe=True,
                can_publish_data=True,
                can_update_own_metadata=True,
            )
        )
        .to_jwt()
    )
