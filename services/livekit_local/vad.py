"""Voice activity detection as LiveKit's interface: one detector per room, one Silero model."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Protocol

from livekit.agents import utils, vad

from ..audio.samples import SAMPLE_RATE, Samples
from ..shared.engines import SharedEngines
from ..shared.process_engines import shared_engines
from ..vad.silero import (
    WINDOW_SECONDS,
    Activity,
    ActivityKind,
    VoiceActivityDetector,
    VoiceActivityOptions,
    windows,
)
from .frames import FrameConverter

_EVENT_TYPES = {
    ActivityKind.STARTED: vad.VADEventType.START_OF_SPEECH,
    ActivityKind.WINDOW: vad.VADEventType.INFERENCE_DONE,
    ActivityKind.ENDED: vad.VADEventType.END_OF_SPEECH,
}


class VoiceListener(Protocol):
    """Receives the audio of a room and its voice activity, in order."""

    def push(self, samples: Samples) -> None:
        """Take mono float32 audio at 16 kHz."""

    def observe(self, activity: Activity) -> None:
        """Take the voice activity of the latest audio."""


class LocalVAD(vad.VAD):
    """The voice activity detector of one room; belongs to that room's event loop.

    Converts the room's audio once: subscribers receive the same samples and the same activity as
    the framework does, in the same order, so that recognition and turn detection never disagree
    about a pause.
    """

    def __init__(
        self,
        options: VoiceActivityOptions | None = None,
        *,
        engines: SharedEngines | None = None,
    ) -> None:
        """`engines` provides the model; by default it is the process's own."""
        super().__init__(capabilities=vad.VADCapabilities(update_interval=WINDOW_SECONDS))
        self._given = engines
        self._options = options or VoiceActivityOptions()
        self._listeners: list[VoiceListener] = []
        self._silent_since: float | None = None
        self.gate: Callable[[Activity], Iterable[Activity]] | None = None
        """Returns the activity as the framework shall see it; subscribers see it unchanged."""

    @property
    def silent_since(self) -> float | None:
        """Monotonic time at which the caller fell silent; None while there is a voice.

        The earliest of what the windows since then imply, as some arrive late.
        """
        return self._silent_since

    @property
    def model(self) -> str:
        return "silero"

    @property
    def provider(self) -> str:
        return "local"

    @property
    def min_silence_duration(self) -> float:
        """Seconds of silence that end speech; the framework checks it against its endpointing."""
        return self._options.min_silence_seconds

    @property
    def options(self) -> VoiceActivityOptions:
        """When speech begins and ends."""
        return self._options

    def note(self, activity: Activity) -> None:
        """Take the activity of audio that has just arrived."""
        if activity.silent_seconds <= 0:
            self._silent_since = None
            return
        since = time.monotonic() - activity.silent_seconds
        self._silent_since = min(since, self._silent_since or since)

    def stream(self) -> LocalVADStream:
        """Open a detector for one stream of audio."""
        return LocalVADStream(self, self._given or shared_engines(), self._listeners)

    def subscribe(self, listener: VoiceListener) -> Callable[[], None]:
        """Have `listener` receive the room's audio; return a function that ends that."""
        self._listeners.append(listener)

        def unsubscribe() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return unsubscribe


class LocalVADStream(vad.VADStream):
    """Judges frames of any rate and channel count as they arrive: 0.2 ms for 32 ms of audio."""

    def __init__(
        self, owner: LocalVAD, engines: SharedEngines, listeners: list[VoiceListener]
    ) -> None:
        self._owner = owner
        self._engines = engines
        self._listeners = listeners
        self._converter = FrameConverter()
        super().__init__(owner)

    @utils.log_exceptions()
    async def _main_task(self) -> None:
        model = await self._engines.voice_activity.get()
        detector = VoiceActivityDetector(model, self._owner.options)
        async for item in self._input_ch:
            if isinstance(item, vad.VADStream._FlushSentinel):
                detector.reset()
                continue
            if not self._input_ch.empty():
                # Audio that has piled up must not keep others from their turn.
                await asyncio.sleep(0)
            for window in windows(self._converter.convert(item)):
                for listener in tuple(self._listeners):
                    listener.push(window)
                for activity in detector.push(window):
                    self._owner.note(activity)
                    for listener in tuple(self._listeners):
                        listener.observe(activity)
                    gate = self._owner.gate
                    for seen in (activity,) if gate is None else gate(activity):
                        self._event_ch.send_nowait(_event(seen))


def _event(activity: Activity) -> vad.VADEvent:
    return vad.VADEvent(
        type=_EVENT_TYPES[activity.kind],
        samples_index=activity.position,
        timestamp=activity.position / SAMPLE_RATE,
        speech_duration=activity.speech_seconds,
        silence_duration=activity.silent_seconds,
        probability=activity.probability,
        speaking=activity.speaking,
        raw_accumulated_silence=activity.silent_seconds,
        raw_accumulated_speech=activity.voiced_seconds,
    )
