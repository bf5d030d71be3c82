"""Publishes what the callers of a room said, each under their own name."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from livekit import rtc
from livekit.agents import utils
from livekit.agents.types import (
    ATTRIBUTE_TRANSCRIPTION_FINAL,
    ATTRIBUTE_TRANSCRIPTION_SEGMENT_ID,
    ATTRIBUTE_TRANSCRIPTION_TRACK_ID,
    TOPIC_TRANSCRIPTION,
)

from ..protocol import StreamAttribute
from .callers import Speaker
from .sending import is_sent


@dataclass(frozen=True, slots=True)
class _Words:
    speaker: Speaker
    segment: str
    text: str
    final: bool
    language: str = ""
    aside: bool = False


class CallerTranscript:
    """Publishes transcripts as the framework does, but under the name of whoever speaks.

    The framework attributes every transcript to the participant it is linked to. Each state of an
    utterance is sent as a text stream on `lk.transcription` with the speaker as its sender, and as
    a transcription of the older protocol.

    Belongs to the room's event loop; `aclose` ends its task.
    """

    def __init__(self, room: rtc.Room) -> None:
        self._room = room
        self._speaker: Speaker | None = None
        self._segment = ""
        self._waiting: list[_Words] = []
        self._news = asyncio.Event()
        self._publishing = asyncio.create_task(self._publish_in_order(), name="caller-transcript")

    def show(self, speaker: Speaker, text: str, *, final: bool, language: str = "") -> None:
        """Publish what `speaker` has said so far; a final transcript ends the utterance.

        `language` is the code of the one in which it was recognised; empty if unknown.
        """
        if not text:
            return
        if not self._segment or speaker != self._speaker:
            self._segment = utils.shortuuid("SG_")
            self._speaker = speaker
        # Only the latest state of an utterance is worth sending.
        self._waiting = [w for w in self._waiting if w.segment != self._segment or w.final]
        self._waiting.append(_Words(speaker, self._segment, text, final, language))
        if final:
            self._segment = ""
        self._news.set()

    def show_aside(self, speaker: Speaker, text: str) -> None:
        """Publish words that were not meant to be answered; without any, withdraw what was shown.

        They end the utterance.
        """
        if not text and not self._segment:
            return
        segment = self._segment or utils.shortuuid("SG_")
        self._segment = ""
        self._waiting = [w for w in self._waiting if w.segment != segment or w.final]
        self._waiting.append(_Words(speaker, segment, text, final=True, aside=True))
        self._news.set()

    async def aclose(self) -> None:
        """Stop publishing. Idempotent."""
        await utils.aio.cancel_and_wait(self._publishing)

    async def _publish_in_order(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            while self._waiting:
                words = self._waiting.pop(0)
                sent = await is_sent("transcript", self._publish(words))
                if not sent and words.final:
                    # Nothing else replaces it, and who has it already takes it for the same.
                    await is_sent("transcript", self._publish(words))

    async def _publish(self, words: _Words) -> None:
        if not self._room.isconnected():
            return
        me, speaker = self._room.local_participant, words.speaker
        attributes = {
            ATTRIBUTE_TRANSCRIPTION_FINAL: "true" if words.final else "false",
            ATTRIBUTE_TRANSCRIPTION_TRACK_ID: speaker.track_sid,
            ATTRIBUTE_TRANSCRIPTION_SEGMENT_ID: words.segment,
        }
        if words.language:
            attributes[StreamAttribute.LANGUAGE] = words.language
        if words.aside:
            attributes[StreamAttribute.BACKCHANNEL] = "true"
        writer = await me.stream_text(
            topic=TOPIC_TRANSCRIPTION,
            sender_identity=speaker.identity,
            attributes=attributes,
        )
        await writer.write(words.text)
        await writer.aclose()
        await me.publish_transcription(
            rtc.Transcription(
                participant_identity=speaker.identity,
                track_sid=speaker.track_sid,
                segments=[
                    rtc.TranscriptionSegment(
                        id=words.segment,
                        text=words.text,
                        start_time=0,
                        end_time=0,
                        language=words.language,
                        final=words.final,
                    )
                ],
            )
        )
