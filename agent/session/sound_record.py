"""Records the sound of both sides of one conversation, once its callers were told."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from livekit.agents import AgentSession
from livekit.agents.voice import SpeechHandle, io
from livekit.agents.voice.recorder_io import RecorderIO

from agent.records.folder import make_folder

logger = logging.getLogger("agent.session.sound_record")

CLOSING_SECONDS: Final = 2.0
"""Longest wait for the last sound to be written; with a disk that hangs it is lost."""


class SoundRecord:
    """The framework's recorder, from the moment on in which it may record; on one event loop.

    It writes Opus in Ogg, 48 kHz, the callers left and the agent right. Of the callers it has what
    the session hears: one voice at a time.
    """

    def __init__(
        self,
        session: AgentSession[Any],
        path: Path,
        *,
        on_begun: Callable[[float], None],
    ) -> None:
        """Record nothing yet.

        Args:
            session: not yet started.
            path: the file, in a folder that is made if need be.
            on_begun: called with the time (`time.time()`) at which the recording begins.
        """
        self._session = session
        self._path = path
        self._on_begun = on_begun
        self._recorder = RecorderIO(agent_session=session)
        self._possible = True
        self._beginning: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def possible(self) -> bool:
        """Whether it records, or will."""
        return self._possible

    def follow_input(self, audio: io.AudioInput) -> io.AudioInput:
        """Return an input for the session that passes the callers' sound on."""
        return self._recorder.record_input(audio)

    def follow_output(self, audio: io.AudioOutput) -> io.AudioOutput:
        """Return an output for the session that passes the agent's sound on."""
        return self._recorder.record_output(audio)

    def tell(self, sentence: str) -> None:
        """Say the sentence, and begin to record once it is said."""
        speech = self._session.say(sentence, allow_interruptions=False)
        speech.add_done_callback(self._on_told)

    async def aclose(self) -> None:
        """Write the rest. Idempotent."""
        self._closed = True
        if self._beginning is not None:
            await asyncio.gather(self._beginning, return_exceptions=True)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSING_SECONDS):
                await self._recorder.aclose()

    def _on_told(self, speech: SpeechHandle) -> None:
        if self._closed:
            return
        if speech.interrupted or not speech.chat_items:
            self._possible = False
            logger.warning("sound not recorded", extra={"error": "the callers could not be told"})
            return
        self._beginning = asyncio.create_task(self._begin(), name="begin-recording")

    async def _begin(self) -> None:
        try:
            await asyncio.to_thread(make_folder, self._path.parent)
            await self._recorder.start(output_path=self._path)
        except (OSError, RuntimeError) as error:
            self._possible = False
            logger.error("sound not recorded", extra={"error": str(error)})
            return
        began = self._recorder.recording_started_at
        if began is not None:
            self._on_begun(began)
