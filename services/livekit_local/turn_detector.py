"""Turn detection as LiveKit's interface, by the words, the pause and how the voice sounds."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import replace

from livekit import rtc
from livekit.agents import LanguageCode
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, APIConnectOptions
from livekit.agents.voice.turn import TurnDetectionEvent

from ..asr.events import ASREvent, ASREventKind
from ..endpointing.evidence import Evidence
from ..endpointing.policy import EndpointingPolicy, TurnTiming
from ..endpointing.verdict import Verdict
from .eou_model import EndOfTurnModel
from .stt import LocalSTT
from .vad import LocalVAD
from .voice_judge import VoiceJudge

_REQUESTED_AT_SECONDS = 0.2
"""The framework requests a prediction after this much silence."""
_OVER, _THRESHOLD = 1.0, 0.5


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
        acoustic: bool = False,
        second: EndOfTurnModel | None = None,
        room: str = "",
    ) -> None:
        """Take events from `stt` and pauses from `vad`.

        With `acoustic` the end-of-turn model of the recogniser's engines judges the voice too, as
        long as there is one; `second` is a second opinion. `room` is the name under which their
        calls are scheduled.
        """
        self._stt = stt
        self._vad = vad
        self._timing = TurnTiming(complete_seconds, incomplete_seconds)
        self._acoustic = acoustic
        self._second = second
        self._room = room
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
            acoustic=self._acoustic,
            second=self._second,
            room=self._room,
            on_end_of_turn=self._note,
        )

    def _note(self, verdict: Verdict) -> None:
        self.last_verdict = verdict


class LocalTurnStream:
    """The turn detector of one session; belongs to its event loop."""

    def __init__(
        self,
        stt: LocalSTT,
        vad: LocalVAD,
        policy: EndpointingPolicy,
        *,
        acoustic: bool = False,
        second: EndOfTurnModel | None = None,
        room: str = "",
        on_end_of_turn: Callable[[Verdict], object] = lambda _: None,
    ) -> None:
        """`on_end_of_turn` receives the verdict by which each turn ends."""
        self._on_end_of_turn = on_end_of_turn
        self._vad = vad
        self._policy = policy
        self._news = asyncio.Event()
        self._subscriptions = [stt.subscribe(self._take)]
        self._voice: VoiceJudge | None = None
        if acoustic:
            self._voice = VoiceJudge(
                stt.engines, second=second, room=room, on_judged=self._news.set
            )
            self._subscriptions.append(vad.subscribe(self._voice))
        self._heard = Evidence("")
        self._finals: list[str] = []
        self._begun = False
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
        return self._prediction

    def cancel_inference(self, *, timed_out: bool = False) -> None:
        """Withdraw the prediction: the caller goes on speaking, or the framework gave up."""
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
        self._heard = Evidence("")
        self._finals.clear()
        self._begun = False
        if self._voice is not None:
            self._voice.begin_turn()

    def push_audio(self, frame: rtc.AudioFrame) -> None:
        """Ignore the audio, which comes from the room's detector."""

    def end_input(self) -> None:
        """Do nothing: no more audio will follow."""

    async def aclose(self) -> None:
        """End the prediction in progress."""
        for unsubscribe in self._subscriptions:
            unsubscribe()
        if self._voice is not None:
            await self._voice.aclose()
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
        if self._prediction is not None and not self._prediction.done():
            self._prediction.cancel()

    @property
    def _evidence(self) -> Evidence:
        """What is known now."""
        if self._voice is None:
            return self._heard
        return replace(
            self._heard,
            acoustic_probability=self._voice.probability,
            second_probability=self._voice.second_probability,
        )

    def _take(self, heard: ASREvent) -> None:
        if heard.kind is ASREventKind.SPEECH_STARTED:
            self._begun = True
        if heard.kind is ASREventKind.INTERIM:
            # It precedes the pause that will follow.
            self._heard = Evidence("")
            return
        if heard.kind not in (ASREventKind.PREFLIGHT, ASREventKind.FINAL) or not heard.text:
            return
        self._heard = Evidence(
            " ".join((*self._finals, heard.text)),
            heard.mean_log_probability,
            heard.end.last_word_log_probability,
            heard.end.closing_log_odds,
            heard.language,
        )
        if heard.kind is ASREventKind.FINAL and self._begun:
            self._finals.append(heard.text)
        self._news.set()

    async def _wait(self, prediction: asyncio.Future[TurnDetectionEvent]) -> None:
        """Answer once the silence has lasted as long as the evidence demands."""
        while True:
            self._news.clear()
            verdict = self._policy.judge(self._evidence)
            remaining = self._silent_since + verdict.wait_seconds - time.monotonic()
            if remaining <= 0:
                if self._voice is None or not self._voice.pending:
                    break
                # The judgement is on its way, and its own deadlines bound this.
                await self._news.wait()
                continue
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), remaining)
        if not prediction.done():
            self._on_end_of_turn(verdict)
            prediction.set_result(
                TurnDetectionEvent(
                    type="eot_prediction",
                    end_of_turn_probability=_OVER,
                    last_speaking_time=time.time() - (time.monotonic() - self._silent_since),
                )
            )
