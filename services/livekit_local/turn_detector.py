"""Turn detection as LiveKit's interface, based on the transcript, the pause and the voice."""

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
from ..audio.samples import Samples
from ..endpointing.policy import EndpointingPolicy, Evidence, TurnTiming
from ..endpointing.verdict import Verdict
from ..inference import InferenceError, InferenceScheduler, Priority
from ..vad.silero import Activity
from .eou_model import SAMPLES, EndOfTurnModel
from .stt import LocalSTT
from .vad import LocalVAD

logger = logging.getLogger("services.livekit_local")

_REQUESTED_AT_SECONDS = 0.2
"""The framework requests a prediction after this much silence."""
_OVER, _THRESHOLD = 1.0, 0.5
_MODEL_SECONDS = 1.0
"""Longest run of the acoustic model, and longest wait for its turn."""


class LocalTurnDetector:
    """Waits for as long as the speech so far suggests, then declares the turn over.

    The framework requests a prediction in each pause. It is answered only once the silence has
    lasted as long as the policy demands, so that one decision covers every degree of certainty.
    Belongs to one room.
    """

    def __init__(
        self,
        stt: LocalSTT,
        vad: LocalVAD,
        *,
        complete_seconds: float,
        incomplete_seconds: float,
        end_of_turn_model: EndOfTurnModel | None = None,
        room: str = "",
    ) -> None:
        """Take events from `stt` and pauses from `vad`; `end_of_turn_model` judges the voice."""
        self._stt = stt
        self._vad = vad
        self._timing = TurnTiming(complete_seconds, incomplete_seconds)
        self._voice = (
            _VoiceJudge(end_of_turn_model, stt.engines.scheduler, room)
            if end_of_turn_model is not None
            else None
        )
        self.last_verdict: Verdict | None = None
        """Why the latest pause that ended a turn was as long as it was; None before the first."""

    @property
    def model(self) -> str:
        return "end-of-turn"

    @property
    def provider(self) -> str:
        return "local"

    def stream(
        self, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS
    ) -> LocalTurnStream:
        """Open the detector of one session."""
        return LocalTurnStream(
            self._stt,
            self._vad,
            EndpointingPolicy(self._timing),
            self._voice,
            on_end_of_turn=self._note,
        )

    def _note(self, verdict: Verdict) -> None:
        self.last_verdict = verdict


class _VoiceJudge:
    """Keeps the last second of the caller's voice, and judges whether it sounds finished."""

    def __init__(self, model: EndOfTurnModel, scheduler: InferenceScheduler, room: str) -> None:
        self._model = model
        self._scheduler = scheduler
        self._room = room
        self._recent = np.zeros(SAMPLES, dtype=np.float32)

    def push(self, samples: Samples) -> None:
        """Take mono float32 audio at 16 kHz."""
        self._recent = np.concatenate((self._recent, samples))[-SAMPLES:]

    def observe(self, activity: Activity) -> None:
        """Ignore the voice activity."""

    async def probability(self) -> float | None:
        """Return the probability that the caller has finished, or None if it is not in time."""
        recent = (self._recent * 32767.0).astype(np.int16)
        try:
            return await self._scheduler.run(
                lambda _: self._model.probability(recent),
                engine="end of turn",
                owner=self._room,
                priority=Priority.SPECULATIVE,
                deadline_seconds=_MODEL_SECONDS,
                queue_seconds=_MODEL_SECONDS,
            )
        except InferenceError as error:
            logger.debug("no end-of-turn probability", extra={"error": str(error)})
            return None


class LocalTurnStream:
    """The turn detector of one session; belongs to its event loop."""

    def __init__(
        self,
        stt: LocalSTT,
        vad: LocalVAD,
        policy: EndpointingPolicy,
        voice: _VoiceJudge | None,
        *,
        on_end_of_turn: Callable[[Verdict], object] = lambda _: None,
    ) -> None:
        """`on_end_of_turn` receives the verdict by which each turn ends."""
        self._on_end_of_turn = on_end_of_turn
        self._vad = vad
        self._policy = policy
        self._voice = voice
        self._judging: asyncio.Task[None] | None = None
        self._subscriptions = [stt.subscribe(self._take)]
        if voice is not None:
            self._subscriptions.append(vad.subscribe(voice))
        self._evidence = Evidence("")
        self._news = asyncio.Event()
        self._prediction: asyncio.Future[TurnDetectionEvent] | None = None
        self._waiting: asyncio.Task[None] | None = None
        self._silent_since = 0.0

    @property
    def model(self) -> str:
        return "end-of-turn"

    @property
    def provider(self) -> str:
        return "local"

    @property
    def is_fallback(self) -> bool:
        """Never: there is nothing to fall back from."""
        return False

    @property
    def prediction_timeout(self) -> float:
        """Seconds after which the framework carries on without an answer."""
        return self._policy.longest_wait_seconds + 1.0

    async def unlikely_threshold(self, language: LanguageCode | None) -> float | None:
        """Return the probability below which the turn goes on."""
        return _THRESHOLD

    async def backchannel_threshold(self, language: LanguageCode | None) -> float | None:
        """Return None: backchannels are not detected."""
        return None

    async def supports_language(self, language: LanguageCode | None) -> bool:
        """Return True: where the words tell nothing, the pause does."""
        return True

    def predict(self) -> asyncio.Future[TurnDetectionEvent]:
        """Return a future that completes when the turn is over; called early in each pause."""
        self.cancel_inference()
        self._silent_since = self._vad.silent_since or time.monotonic() - _REQUESTED_AT_SECONDS
        self._prediction = asyncio.get_running_loop().create_future()
        self._waiting = asyncio.create_task(self._wait(self._prediction), name="end-of-turn")
        if self._voice is not None:
            self._judging = asyncio.create_task(
                self._judge_voice(self._voice), name="end-of-turn-voice"
            )
        return self._prediction

    def cancel_inference(self, *, timed_out: bool = False) -> None:
        """Withdraw the prediction: the caller goes on speaking, or the framework gave up."""
        self._stop_judging()
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.done():
            waiting.cancel()
            if not timed_out:
                self._policy.note_inner_pause(time.monotonic() - self._silent_since, self._evidence)
        if self._prediction is not None and not self._prediction.done():
            self._prediction.cancel()
        self._prediction = None

    def flush(self, reason: str | None = None) -> None:
        """Begin a new turn."""
        self._policy.note_turn()
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.cancel()
        self._prediction = None
        self._evidence = Evidence("")

    def push_audio(self, frame: rtc.AudioFrame) -> None:
        """Ignore the audio, which comes from the room's detector."""

    def end_input(self) -> None:
        """Do nothing: no more audio will follow."""

    async def aclose(self) -> None:
        """End the prediction in progress."""
        self._stop_judging()
        for unsubscribe in self._subscriptions:
            unsubscribe()
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
        if self._prediction is not None and not self._prediction.done():
            self._prediction.cancel()

    def _take(self, heard: ASREvent) -> None:
        if heard.kind in (ASREventKind.PREFLIGHT, ASREventKind.FINAL) and heard.text:
            self._evidence = replace(
                self._evidence,
                text=heard.text,
                language=heard.language,
                mean_log_probability=heard.mean_log_probability,
            )
            self._news.set()
        elif heard.kind is ASREventKind.INTERIM:
            # It precedes the pause that will follow.
            self._evidence = Evidence("")

    async def _judge_voice(self, voice: _VoiceJudge) -> None:
        probability = await voice.probability()
        self._evidence = replace(self._evidence, acoustic_probability=probability)
        self._news.set()

    def _stop_judging(self) -> None:
        judging, self._judging = self._judging, None
        if judging is not None:
            judging.cancel()

    async def _wait(self, prediction: asyncio.Future[TurnDetectionEvent]) -> None:
        """Answer once the silence has lasted as long as the evidence demands."""
        while True:
            self._news.clear()
            verdict = self._policy.judge(self._evidence)
            due = self._silent_since + verdict.wait_seconds
            remaining = due - time.monotonic()
            if remaining <= 0:
                break
            try:
                await asyncio.wait_for(self._news.wait(), remaining)
            except TimeoutError:
                break
        if not prediction.done():
            self._on_end_of_turn(verdict)
            prediction.set_result(
                TurnDetectionEvent(
                    type="eot_prediction",
                    end_of_turn_probability=_OVER,
                    last_speaking_time=time.time() - (time.monotonic() - self._silent_since),
                )
            )
