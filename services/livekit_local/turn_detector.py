"""The end-of-turn decision as LiveKit's streaming turn detector, fed by the room's recogniser."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from livekit import rtc
from livekit.agents import LanguageCode
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, APIConnectOptions
from livekit.agents.voice.turn import TurnDetectionEvent

from ..asr.events import ASREvent, ASREventKind
from ..endpointing.policy import EndpointingPolicy, Evidence, TurnTiming
from ..inference import InferenceError, InferenceScheduler, Priority
from .eou_model import SAMPLES, EndOfTurnModel
from .stt import LocalSTT
from .vad import FrameConverter

logger = logging.getLogger("services.livekit_local")

_ASKED_AT_SECONDS = 0.2
"""The framework asks for a prediction after this much silence."""
_OVER, _THRESHOLD = 1.0, 0.5
_ASK_SECONDS = 1.0
"""Longest wait for the acoustic model, and for its turn."""


class LocalTurnDetector:
    """Waits as long as the speech so far suggests, then calls the turn over.

    The framework asks in each pause; the answer is given only when the silence has lasted as
    long as the judge wants, so that one decision covers every shade between sure and unsure.
    Belongs to one room.
    """

    def __init__(
        self,
        stt: LocalSTT,
        *,
        complete_seconds: float,
        incomplete_seconds: float,
        end_of_turn_model: EndOfTurnModel | None = None,
        scheduler: InferenceScheduler | None = None,
        room: str = "",
    ) -> None:
        """`end_of_turn_model` judges the sound as well; its calls run in `scheduler`."""
        self._stt = stt
        self._timing = TurnTiming(complete_seconds, incomplete_seconds)
        self._listener = (
            _EndingListener(end_of_turn_model, scheduler, room)
            if end_of_turn_model and scheduler
            else None
        )

    @property
    def model(self) -> str:
        """The name in traces."""
        return "end-of-turn"

    @property
    def provider(self) -> str:
        """Who runs it."""
        return "local"

    def stream(
        self, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS
    ) -> LocalTurnStream:
        """The decisions of one room."""
        return LocalTurnStream(self._stt, EndpointingPolicy(self._timing), self._listener)


class _EndingListener:
    """Keeps the last second of the caller's sound and has it judged."""

    def __init__(self, model: EndOfTurnModel, scheduler: InferenceScheduler, room: str) -> None:
        self._model = model
        self._scheduler = scheduler
        self._room = room
        self._converter = FrameConverter()
        self._recent = np.zeros(SAMPLES, dtype=np.int16)

    def push(self, frame: rtc.AudioFrame) -> None:
        """Take audio of any rate."""
        samples = (self._converter.convert(frame) * 32767.0).astype(np.int16)[-SAMPLES:]
        if len(samples):
            self._recent = np.concatenate((self._recent[len(samples) :], samples))

    async def probability(self) -> float | None:
        """That the voice sounds finished; None when the model cannot be asked in time."""
        recent = self._recent
        try:
            return await self._scheduler.run(
                lambda _: self._model.probability(recent),
                engine="end of turn",
                owner=self._room,
                priority=Priority.SPECULATIVE,
                deadline_seconds=_ASK_SECONDS,
                queue_seconds=_ASK_SECONDS,
            )
        except InferenceError as error:
            logger.debug("end-of-turn model not asked", extra={"error": str(error)})
            return None


class LocalTurnStream:
    """One room's decisions; belongs to its event loop."""

    def __init__(
        self, stt: LocalSTT, judge: EndpointingPolicy, listener: _EndingListener | None
    ) -> None:
        self._stt = stt
        self._judge = judge
        self._listener = listener
        self._asking: asyncio.Task[None] | None = None
        self._unsubscribe: Callable[[], None] = stt.subscribe(self._hear)
        self._evidence = Evidence("")
        self._news = asyncio.Event()
        self._prediction: asyncio.Future[TurnDetectionEvent] | None = None
        self._waiting: asyncio.Task[None] | None = None
        self._silent_since = 0.0
        self._closed = False

    @property
    def model(self) -> str:
        """The name in traces."""
        return "end-of-turn"

    @property
    def provider(self) -> str:
        """Who runs it."""
        return "local"

    @property
    def is_fallback(self) -> bool:
        """Never: there is nothing to fall back from."""
        return False

    @property
    def prediction_timeout(self) -> float:
        """Seconds after which the framework goes on without an answer."""
        return self._judge.longest_wait_seconds + 1.0

    async def unlikely_threshold(self, language: LanguageCode | None) -> float | None:
        """Answers below it mean that the turn goes on."""
        return _THRESHOLD

    async def backchannel_threshold(self, language: LanguageCode | None) -> float | None:
        """No backchannels."""
        return None

    async def supports_language(self, language: LanguageCode | None) -> bool:
        """Any: where the words say nothing, the pause does."""
        return True

    def predict(self) -> asyncio.Future[TurnDetectionEvent]:
        """Asked early in a pause; the future is done when the turn is over."""
        self.cancel_inference()
        self._silent_since = self._stt.silent_since or time.monotonic() - _ASKED_AT_SECONDS
        self._prediction = asyncio.get_running_loop().create_future()
        self._waiting = asyncio.create_task(self._wait(self._prediction), name="end-of-turn")
        if self._listener is not None:
            self._asking = asyncio.create_task(self._ask(self._listener), name="end-of-turn-voice")
        return self._prediction

    def cancel_inference(self, *, timed_out: bool = False) -> None:
        """The caller goes on speaking, or nobody waits any more."""
        self._stop_asking()
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.done():
            waiting.cancel()
            if not timed_out:
                self._judge.note_inner_pause(time.monotonic() - self._silent_since, self._evidence)
        if self._prediction is not None and not self._prediction.done():
            self._prediction.cancel()
        self._prediction = None

    def flush(self, reason: str | None = None) -> None:
        """The turn has been taken."""
        self._judge.note_turn()
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.cancel()
        self._prediction = None
        self._evidence = Evidence("")

    def push_audio(self, frame: rtc.AudioFrame) -> None:
        """Only the acoustic model hears it here; words come from the room's recogniser."""
        if self._listener is not None:
            self._listener.push(frame)

    def end_input(self) -> None:
        """Nothing more will come."""

    async def aclose(self) -> None:
        """End the wait that may be under way."""
        self._stop_asking()
        self._unsubscribe()
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
        if self._prediction is not None and not self._prediction.done():
            self._prediction.cancel()

    def _hear(self, heard: ASREvent) -> None:
        if heard.kind in (ASREventKind.PREFLIGHT, ASREventKind.FINAL) and heard.text:
            self._evidence = replace(
                self._evidence, text=heard.text, mean_log_probability=heard.mean_log_probability
            )
            self._news.set()
        elif heard.kind is ASREventKind.INTERIM:
            # Older than the pause that will follow.
            self._evidence = Evidence("")

    async def _ask(self, listener: _EndingListener) -> None:
        probability = await listener.probability()
        self._evidence = replace(self._evidence, acoustic_probability=probability)
        self._news.set()

    def _stop_asking(self) -> None:
        asking, self._asking = self._asking, None
        if asking is not None:
            asking.cancel()

    async def _wait(self, prediction: asyncio.Future[TurnDetectionEvent]) -> None:
        """Until the silence has lasted as long as what is known by then asks for."""
        while True:
            self._news.clear()
            due = self._silent_since + self._judge.wait_seconds(self._evidence)
            remaining = due - time.monotonic()
            if remaining <= 0:
                break
            try:
                await asyncio.wait_for(self._news.wait(), remaining)
            except TimeoutError:
                break
        if not prediction.done():
            prediction.set_result(
                TurnDetectionEvent(
                    type="eot_prediction",
                    end_of_turn_probability=_OVER,
                    last_speaking_time=time.time() - (time.monotonic() - self._silent_since),
                )
            )
