"""What a client does: speech, files, Wyoming, calls; each may be broken off at any moment."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import secrets
from dataclasses import dataclass
from typing import Final

import aiohttp
from wyoming.asr import Transcribe
from wyoming.tts import Synthesize, SynthesizeChunk, SynthesizeStart, SynthesizeStop

from benchmarks.speech import FOLDER
from services.audio.encoding import SOUND_FORMATS
from services.host.cancellation import uninterrupted
from tests.room.processes import token
from tests.support.audio_api import FORM_TYPE, form
from tests.support.caller import Caller
from tests.support.sound import read_sound
from tests.support.wyoming_client import connected, wav_events

_WORDS = "one two three. dinner is ready. what time is it? 1,234.56 $ and 3/4 at 10:30.".split()
_ODD_WORDS = (
    *("\ufdfa", "🎉", "ส", "漢字", "مرحبا", "«»", "Ω≈ç√", "\x00", "<br>", "&nbsp;", "ﬀ", "İ"),
    *("[[a]]", "[[", "1e308", "a.b@c.d", "a" * 400, "\u0301" * 40, "1" * 300, "!?" * 50, "-" * 200),
)
_AGENT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Door:
    """Where a process is reached."""

    web: str
    wyoming_port: int
    api_key: str
    admin_token: str

    @property
    def headers(self) -> dict[str, str]:
        """For the audio API and the admin routes."""
        return {"Authorization": f"Bearer {self.api_key}", "X-Admin-Token": self.admin_token}


class Clients:
    """Each method is one client's visit; returns how it ended, in a word."""

    KINDS: Final = ("speak", "transcribe", "hear_wyoming", "speak_wyoming", "look")

    def __init__(self, door: Door, chance: random.Random) -> None:
        self._door = door
        self._chance = chance
        self._files = sorted([*FOLDER.glob("turn_*.wav"), *FOLDER.glob("pause_*.wav")])
        self._long = sorted(FOLDER.glob("long_*.wav"))

    async def speak(self) -> str:
        """Have a text spoken in any format, and read it more or less slowly."""
        chance = self._chance
        body = {
            "model": "tts-1",
            "voice": "alloy",
            "input": self._text(60),
            "response_format": chance.choice(list(SOUND_FORMATS)),
            "stream_format": chance.choice(["audio", "audio", "sse"]),
        }
        address = f"{self._door.web}/v1/audio/speech"
        async with (
            aiohttp.ClientSession(headers=self._door.headers) as session,
            session.post(address, json=body) as answer,
        ):
            async for _ in answer.content.iter_any():
                if chance.random() < 0.03:
                    await asyncio.sleep(chance.uniform(0.0, 3.0))
            return str(answer.status)

    async def transcribe(self) -> str:
        """Send a file, whole or broken, and ask for any form of transcript."""
        chance = self._chance
        fields = {
            "model": "whisper-1",
            "response_format": chance.choice(["json", "text", "srt", "vtt", "verbose_json"]),
        }
        if chance.random() < 0.3:
            fields |= {"stream": "true", "response_format": "json"}
        address = f"{self._door.web}/v1/audio/transcriptions"
        headers = {**self._door.headers, "Content-Type": FORM_TYPE}
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.post(address, data=form(self._sound(), fields)) as answer,
        ):
            await answer.read()
            return str(answer.status)

    async def hear_wyoming(self) -> str:
        """Send speech to the Wyoming server, or vanish in the middle of it."""
        async with connected(self._door.wyoming_port) as client:
            events = list(wav_events(self._chance.choice(self._files)))
            whole = self._chance.random() < 0.5
            sent = len(events) if whole else self._chance.randrange(len(events))
            await client.send(Transcribe(language="en"), *events[:sent])
            if not whole:
                return "left"
            await client.until("transcript-stop")
            return "done"

    async def speak_wyoming(self) -> str:
        """Have the Wyoming server speak, or vanish after some of it."""
        text = self._text(60)
        async with connected(self._door.wyoming_port) as client:
            if self._chance.random() < 0.5:
                await client.send(Synthesize(text))
            else:
                pieces = (SynthesizeChunk(f"{word} ") for word in text.split())
                await client.send(SynthesizeStart(), *pieces, SynthesizeStop())
            if self._chance.random() < 0.3:
                await client.next()
                return "left"
            await client.until("audio-stop")
            return "done"

    async def look(self) -> str:
        """Ask for metrics, models or the memory, or have it cleaned."""
        method, path = self._chance.choice(
            [
                ("GET", "/admin/memory?history=1"),
                ("POST", "/admin/memory/cleanup"),
                ("GET", "/metrics"),
                ("GET", "/v1/models"),
            ]
        )
        async with (
            aiohttp.ClientSession(headers=self._door.headers) as session,
            session.request(method, f"{self._door.web}{path}") as answer,
        ):
            await answer.read()
            return str(answer.status)

    async def call(self) -> str:
        """Join a room, speak and type over the agent, and leave."""
        chance = self._chance
        issued = await token(self._door.web)
        async with Caller(f"caller-{secrets.token_hex(3)}") as caller:
            # The native library ends a process in which a join is left alone.
            await uninterrupted(caller.join(issued.url, issued.token))
            await caller.wait_for_agent(_AGENT_SECONDS)
            for _ in range(chance.randint(0, 4)):
                await asyncio.sleep(chance.uniform(0.0, 2.0))
                async with asyncio.TaskGroup() as both:
                    if chance.random() < 0.7:
                        both.create_task(self._say(caller))
                    if chance.random() < 0.4:
                        both.create_task(caller.send_text(self._text(10)))
            return "done"

    async def _say(self, caller: Caller) -> None:
        await caller.say(read_sound(self._chance.choice(self._files)))

    def _text(self, longest: int) -> str:
        chance = self._chance
        words = chance.choices(_WORDS, k=chance.randint(1, longest))
        if chance.random() < 0.4:
            words += chance.choices(_ODD_WORDS, k=chance.randint(1, 5))
            chance.shuffle(words)
        return " ".join(words)

    def _sound(self) -> bytes:
        """The bytes of a recording, some of them cut off, changed or made up."""
        chance = self._chance
        sound = bytearray(chance.choice([*self._files, *self._long[:1]]).read_bytes())
        kind = chance.random()
        if kind < 0.2:
            return bytes(sound[: chance.randrange(len(sound))])
        if kind < 0.4:
            for _ in range(chance.randint(1, 200)):
                sound[chance.randrange(len(sound))] = chance.randrange(256)
        elif kind < 0.45:
            return os.urandom(chance.randrange(20_000))
        return bytes(sound)


async def visited(visit: asyncio.Task[str], patience_seconds: float) -> str | None:
    """How a visit ended, None where it was broken off for taking longer than that."""
    done, _ = await asyncio.wait([visit], timeout=patience_seconds)
    if not done:
        visit.cancel()
        with contextlib.suppress(BaseException):
            await visit
        return None
    error = visit.exception()
    return type(error).__name__ if error is not None else visit.result()
