"""An agent without speech models that does what is typed to it, for tests of the page alone.

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

from livekit import rtc
from livekit.agents import AgentServer, JobContext, JobExecutorType, JobRequest

REGISTERED = "registered"
"""Begins the line that an agent prints, with its process id."""

SAMPLE_RATE = 24_000
FRAME_SECONDS = 0.02
WORD_SECONDS = 0.12
NOTICES = ["This is the stand-in: it repeats what it is told.", "It has no models."]


class StandIn:
    """One room's agent; lives on the loop of its job."""

    def __init__(self, ctx: JobContext) -> None:
        self._ctx = ctx
        self._room = ctx.room
        self._source = rtc.AudioSource(SAMPLE_RATE, 1, queue_size_ms=100)
        self._speech: asyncio.Task[None] | None = None
        self._last = "Hello from the stand-in."
        self._tasks: set[asyncio.Task[None]] = set()
        self._turns = 0

    async def start(self) -> None:
        """Join, show who this is, greet."""
        await self._ctx.connect()
        me = self._room.local_participant
        me.register_rpc_method("agent.ping", self._ping)
        me.register_rpc_method("agent.stop", self._stop)
        me.register_rpc_method("agent.repeat", self._repeat)
        self._room.register_text_stream_handler("lk.chat", self._on_chat)
        info = {
            "asr": {"name": "stand-in", "demo": True},
            "voice": {"name": "stand-in", "demo": True},
            "llm": "builtin",
            "notices": NOTICES,
        }
        await me.set_attributes({"agent.info": json.dumps(info), "lk.agent.state": "listening"})
        track = rtc.LocalAudioTrack.create_audio_track("voice", self._source)
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        publication = await me.publish_track(track, options)
        await publication.wait_for_subscription()
        self._say(self._last)

    def _on_chat(self, reader: rtc.TextStreamReader, identity: str) -> None:
        self._start(self._obey(reader, identity))

    async def _obey(self, reader: rtc.TextStreamReader, identity: str) -> None:
        command, _, rest = (await reader.read_all()).partition(" ")
        if command == "say":
            self._say(rest)
        elif command == "hear":
            await self._hear(identity, [part.strip() for part in rest.split("|")])
        elif command == "think":
            await self._set_state("thinking")
        elif command == "notice":
            await self._send("agent.notice", {"kind": "voice_unavailable", "text": rest})
        elif command == "recall":
            history = await self._room.local_participant.perform_rpc(
                destination_identity=identity, method="conversation.history", payload=""
            )
            self._say(" / ".join(m["text"] for m in json.loads(history)["messages"]))
        elif command == "freeze":
            time.sleep(float(rest))  # noqa: ASYNC251 - an agent that answers nobody
        elif command == "bye":
            await self._send("agent.notice", {"kind": "call_ended", "text": rest})
            self._ctx.shutdown("asked to")

    async def _hear(self, identity: str, corrections: list[str]) -> None:
        """Send the caller's words as an agent does: each correction a stream of its own."""
        for number, text in enumerate(corrections):
            final = number == len(corrections) - 1
            writer = await self._room.local_participant.stream_text(
                topic="lk.transcription",
                sender_identity=identity,
                attributes={
                    "lk.segment_id": f"heard-{corrections[-1]}",
                    "lk.transcription_final": "true" if final else "false",
                    "lk.transcribed_track_id": "track",
                },
            )
            await writer.write(text)
            await writer.aclose()
            await asyncio.sleep(0.4)

    def _say(self, text: str) -> None:
        if self._speech is not None:
            self._speech.cancel()
        self._speech = self._start(self._speak(text))

    async def _speak(self, text: str) -> None:
        """A word's text and its sound together, as a voice with timed words does."""
        self._last = text
        self._turns += 1
        await self._set_state("speaking")
        writer = await self._room.local_participant.stream_text(
            topic="lk.transcription",
            attributes={
                "lk.segment_id": f"said-{self._turns}-{time.monotonic_ns()}",
                "lk.transcription_final": "false",
            },
        )
        interrupted = True
        try:
            for number, word in enumerate(text.split(" ")):
                await writer.write(word if number == 0 else f" {word}")
                await self._sound(number)
            interrupted = False
        finally:
            await writer.aclose(attributes={"lk.transcription_final": "true"})
            await self._set_state("listening")
            await self._send_turn(interrupted)

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

    async def _send_turn(self, interrupted: bool) -> None:
        await self._send(
            "agent.turn",
            {
                "id": f"turn-{self._turns}",
                "end_of_speech_seconds": 0.31,
                "transcript_seconds": 0.02,
                "first_token_seconds": 0.01,
                "first_sound_seconds": 0.05 * self._turns,
                "response_seconds": 0.34 + 0.05 * self._turns,
                "prepared": True,
                "interrupted": interrupted,
            },
        )

    async def _ping(self, _: rtc.RpcInvocationData) -> str:
        return "pong"

    async def _stop(self, _: rtc.RpcInvocationData) -> str:
        if self._speech is not None:
            self._speech.cancel()
        return "ok"

    async def _repeat(self, _: rtc.RpcInvocationData) -> str:
        self._say(self._last)
        return "ok"

    async def _set_state(self, state: str) -> None:
        await self._room.local_participant.set_attributes({"lk.agent.state": state})

    async def _send(self, topic: str, message: dict[str, Any]) -> None:
        await self._room.local_participant.send_text(json.dumps(message), topic=topic)

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


@dataclass(frozen=True)
class Order:
    """An agent to be started."""

    url: str
    api_key: str
    api_secret: str
    name: str
    capacity: int


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

    server.rtc_session(entrypoint, agent_name=order.name, on_request=on_request)
    server.on("worker_registered", on_registered)
    await server.run(devmode=False)


async def entrypoint(ctx: JobContext) -> None:
    """One job: one room."""
    await StandIn(ctx).start()


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
