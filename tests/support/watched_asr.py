"""A recogniser for tests over the shared model."""

from __future__ import annotations

from typing import Any

from services.asr.config import DecodeOptions
from services.asr.engine import StreamingASR
from services.asr.transcription import Transcription
from services.audio.samples import SAMPLE_RATE
from services.inference import InferenceScheduler
from tests.support.recordings import Samples


class WatchedASR(StreamingASR):
    """The shared recogniser, which tells what it was asked and fails when it is told to."""

    def __init__(self, asr: StreamingASR, scheduler: InferenceScheduler | None = None) -> None:
        assert asr._whisper is not None
        super().__init__(asr._whisper, scheduler or asr.scheduler)
        self.asked_seconds: list[float] = []
        self.asked_options: list[DecodeOptions] = []
        self.failure: Exception | None = None
        self.deadline_seconds: float | None = None

    async def transcribe(self, samples: Samples, **options: Any) -> Transcription:
        self.asked_seconds.append(len(samples) / SAMPLE_RATE)
        self.asked_options.append(options.get("options", DecodeOptions()))
        if self.failure is not None:
            raise self.failure
        if self.deadline_seconds is not None:
            options["deadline_seconds"] = self.deadline_seconds
        return await super().transcribe(samples, **options)

    def close(self) -> None:
        raise AssertionError("nobody but the owner closes a shared recogniser")
