"""An agent without speech models that does what is typed to it, for tests of the page alone.

It speaks the wire of `services.protocol`, and `tests/room/test_contract.py` holds it to what the
real agent does there.

It is a real worker of a real LiveKit server: it registers, takes rooms, is full, can be killed.
As a program it forks one agent for each line of JSON that it reads, since importing the framework
takes most of an agent's start.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import os
import signal
import sys
import time
from array import array
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

os.environ.setdefault("LIVEKIT_AGENTS_PRELOAD_LOCAL_INFERENCE", "0")

from livekit import api, rtc
from livekit.agents import AgentServer, JobContext, JobExecutorType, JobRequest

from agent.session.remote import Commands, Remote, may_command
from services.protocol import (
    TAKES_OVER,
    AgentInfo,
    AgentState,
    History,
    Method,
    ModelInfo,
    NoticeKind,
    ParticipantAttribute,
    Pong,
    StreamAttribute,
    Topic,
    Turn,
    WaitReason,
)

REGISTERED = "registered"
"""Begins the line that an agent prints, with its process id."""

SAMPLE_RATE = 24_000
FRAME_SECONDS = 0.02
WORD_SECONDS = 0.12
FAREWELL_SECONDS = 0.3
GREETING = "Hello from the stand-in."
NOTICES = ["This is the stand-in: it repeats what it is told.", "It has no models."]


@dataclass(frozen=True)
class Order:
    """An agent to be started."""

    url: str
    api_key: str
    api_secret: str
    name: str
    capacity: int
    empty_seconds: float = 20.0
    """How long a room is kept whose callers have left."""


class StandIn:
    """One room's agent; lives on the loop of its job."""

    def __init__(self, ctx: JobContext, order: Order) -> None:
        self._ctx = ctx
        self._order = order
        self._room = ctx.room
        self._source = rtc.AudioSource(SAMPLE_RATE, 1, queue_size_ms=100)
        self._stopped = asyncio.Event()
        """Ends the reply that was begun last; each has an event of its own."""
        self._floor = asyncio.Lock()
        """Held while a state lasts, so that a stopped reply ends in order before the next begins.
        A cancelled one could leave the wrong state behind, or no record of its turn."""
        self._last = GREETING
        self._tasks: set[asyncio.Task[None]] = set()
        self._heard = 0
        """Utterances of callers, each a segment."""
        self._turns = 0
        self._presence = Pong.SERVES
        self._remote = Remote(
            ctx.room,
            Commands(
                stop=self._stop,
                repeat=self._repeat,
                presence=lambda: self._presence,
            ),
            on_notice=lambda _: None,
        )
        ctx.add_shutdown_callback(self._remote.aclose)

    async def start(self) -> None:
        """Join, show who this is, greet."""
        self._room.on("participant_disconnected", self._on_left)
        await self._ctx.connect()
        me = self._room.local_participant
        self._room.register_text_stream_handler(Topic.CHAT, self._on_chat)
        model = ModelInfo("stand-in", True)
        info = AgentInfo(model, model, "builtin", tuple(NOTICES))
        await self._remote.open(info, language="en")
        if self._ctx.job.metadata == TAKES_OVER:
            await self._take_over()
        await self._set_state(AgentState.LISTENING)
        track = rtc.LocalAudioTrack.create_audio_track("voice", self._source)
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        publication = await me.publish_track(track, options)
        await publication.wait_for_subscription()
        self._say(self._last)

    async def _take_over(self) -> None:
        """Ask the first of the speakers who answers what was said."""
        for identity in self._callers():
            if not may_command(self._room, identity):
                continue
            with contextlib.suppress(rtc.RpcError):
                await self._ask_what_was_said(identity)
                return

    async def _ask_what_was_said(self, identity: str) -> str:
        answer = await self._room.local_participant.perform_rpc(
            destination_identity=identity, method=Method.HISTORY, payload="", response_timeout=4.0
        )
        return " / ".join(message.text for message in History.decode(answer).messages)

    def _callers(self) -> list[str]:
        agent = rtc.ParticipantKind.PARTICIPANT_KIND_AGENT
        return [p.identity for p in self._room.remote_participants.values() if p.kind != agent]

    def _on_left(self, _: rtc.RemoteParticipant) -> None:
        asyncio.get_running_loop().call_later(self._order.empty_seconds, self._leave_if_empty)

    def _leave_if_empty(self) -> None:
        if not self._callers() and self._presence is Pong.SERVES:
            self._leave()

    def _leave(self) -> None:
        self._presence = Pong.LEAVES
        self._ctx.shutdown("left")

    async def _end_call(self, farewell: str) -> None:
        self._presence = Pong.ENDED
        await self._remote.say_farewell(farewell)
        await asyncio.sleep(FAREWELL_SECONDS)
        order = self._order
        async with api.LiveKitAPI(order.url, order.api_key, order.api_secret) as livekit:
            await livekit.room.delete_room(api.DeleteRoomRequest(room=self._room.name))
        self._ctx.shutdown("asked to")

    def _on_chat(self, reader: rtc.TextStreamReader, identity: str) -> None:
        self._start(self._obey(reader, identity))

    async def _obey(self, reader: rtc.TextStreamReader, identity: str) -> None:
        command, _, rest = (await reader.read_all()).partition(" ")
        if command == "say":
            self._say(rest)
        elif command == "guess":
            await self._write_heard(identity, rest, final=False)
        elif command == "hear":
            await self._hear(identity, [part.strip() for part in rest.split("|")])
        elif command == "think":
            await self._think(self._begin())
        elif command == "notice":
            self._remote.notify(NoticeKind.VOICE_UNAVAILABLE, rest)
        elif command == "complain":
            kind, _, text = rest.partition(" ")
            self._remote.notify(NoticeKind(kind), text)
        elif command == "recall":
            self._say(await self._ask_what_was_said(identity))
        elif command == "freeze":
            time.sleep(float(rest))  # noqa: ASYNC251 - an agent that answers nobody
        elif command == "bye":
            await self._end_call(rest)
        elif command == "quit":
            self._leave()
        elif command == "linger":
            self._presence = Pong.LEAVES

    async def _hear(self, identity: str, corrections: list[str]) -> None:
        """Send the caller's words as an agent does: each correction a stream of its own."""
        for number, text in enumerate(corrections, 1):
            await self._write_heard(identity, text, final=number == len(corrections))

    async def _write_heard(self, identity: str, text: str, *, final: bool) -> None:
        writer = await self._room.local_participant.stream_text(
            topic=Topic.TRANSCRIPTION,
            sender_identity=identity,
            attributes={
                StreamAttribute.SEGMENT: f"heard-{self._heard}",
                StreamAttribute.FINAL: "true" if final else "false",
                StreamAttribute.TRACK: self._track_of(identity),
            },
        )
        await writer.write(text)
        await writer.aclose()
        self._heard += final

    def _track_of(self, identity: str) -> str:
        """The sound that a caller sends."""
        caller = self._room.remote_participants[identity]
        return next(iter(caller.track_publications), "track")

    def _say(self, text: str) -> None:
        self._start(self._speak(text, self._begin()))

    def _begin(self) -> asyncio.Event:
        """Stop what goes on; returns what stops the next thing."""
        self._stopped.set()
        self._stopped = asyncio.Event()
        return self._stopped

    async def _think(self, stopped: asyncio.Event) -> None:
        """Prepare a reply that never comes."""
        async with self._floor:
            await self._set_state(AgentState.THINKING)
            await stopped.wait()
            await self._set_state(AgentState.LISTENING)

    async def _speak(self, text: str, stopped: asyncio.Event) -> None:
        """A word's text and its sound together, as a voice with timed words does."""
        async with self._floor:
            if stopped.is_set():
                return
            self._last = text
            self._turns += 1
            await self._set_state(AgentState.SPEAKING)
            writer = await self._room.local_participant.stream_text(
                topic=Topic.TRANSCRIPTION,
                attributes={
                    StreamAttribute.SEGMENT: f"said-{self._turns}-{time.monotonic_ns()}",
                    StreamAttribute.FINAL: "false",
                },
            )
            interrupted = False
            for number, word in enumerate(text.split(" ")):
                if interrupted := stopped.is_set():
                    break
                await writer.write(word if number == 0 else f" {word}")
                await self._sound(number)
            await writer.aclose(attributes={StreamAttribute.FINAL: "true"})
            await self._set_state(AgentState.LISTENING)
            await self._tell_turn(interrupted=interrupted)

    async def _sound(self, number: int) -> None:
        samples = round(SAMPLE_RATE * FRAME_SECONDS)
        frequency = 180.0 + 40.0 * (number % 5)
        for frame in range(round(WORD_SECONDS / FRAME_SECONDS)):
            start = frame * samples
            wave = (
                round(9000 * math.sin(math.tau * frequency * (start + i) / SAMPLE_RATE))
                for i in range(samples)
            )
            data = array("h", wave).tobytes()
            await self._source.capture_frame(rtc.AudioFrame(data, SAMPLE_RATE, 1, samples))

    async def _tell_turn(self, *, interrupted: bool) -> None:
        """Return once it is sent: the page takes it for the record of the reply that came last."""
        await self._remote.publish_turn(
            Turn(
                id=f"turn-{self._turns}",
                end_of_speech_seconds=0.31,
                wait_reason=list(WaitReason)[self._turns % len(WaitReason)],
                transcript_seconds=0.02,
                first_token_seconds=0.01,
                first_sound_seconds=0.05 * self._turns,
                response_seconds=0.34 + 0.05 * self._turns,
                prepared=True,
                interrupted=interrupted,
            )
        )

    async def _stop(self) -> None:
        self._stopped.set()

    async def _repeat(self) -> None:
        self._say(self._last)

    async def _set_state(self, state: AgentState) -> None:
        await self._room.local_participant.set_attributes({ParticipantAttribute.STATE: state})

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


async def serve(order: Order) -> None:
    """Serve rooms until killed; says when LiveKit knows the agent."""
    server = AgentServer(
        job_executor_type=JobExecutorType.THREAD,
        load_fnc=lambda: 0.0,
        load_threshold=1.0,
        num_idle_processes=2,
        ws_url=order.url,
        api_key=order.api_key,
        api_secret=order.api_secret,
        host="127.0.0.1",
        port=0,
    )

    async def on_request(request: JobRequest) -> None:
        if len(server.active_jobs) >= order.capacity:
            await request.reject(terminate=False)
        else:
            await request.accept(name=order.name)

    def on_registered(*_: object) -> None:
        print(REGISTERED, os.getpid(), flush=True)

    async def entrypoint(ctx: JobContext) -> None:
        await StandIn(ctx, order).start()

    server.rtc_session(entrypoint, agent_name=order.name, on_request=on_request)
    server.on("worker_registered", on_registered)
    await server.run(devmode=False)


def main() -> None:
    """Fork an agent for each order on standard input, until it ends; then end them all."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    children = []
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            asyncio.run(serve(Order(**json.loads(line))))
            os._exit(0)
        children.append(child)
    for child in children:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)


if __name__ == "__main__":
    main()
