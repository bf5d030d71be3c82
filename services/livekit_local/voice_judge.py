"""Has the acoustic model judge, in each pause of a room, whether the caller sounds finished."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from ..audio.samples import Samples
from ..endpointing.acoustic import JUDGED_AT_SECONDS, TurnAudio
from ..inference import InferenceError, Priority
from ..shared.acoustic import ROLE
from ..shared.engines import SharedEngines
from ..vad.silero import Activity, ActivityKind
from .eou_model import EndOfTurnModel

logger = logging.getLogger("services.livekit_local")

_DEADLINE_SECONDS = 0.5
"""Longest run of the model, which takes a tenth of it."""
_QUEUE_SECONDS = 0.5
"""Longest wait for its turn; after that the words decide alone."""


class VoiceJudge:
    """Listens to one room's VAD; belongs to its event loop.

    The model is asked early in a pause, while the recogniser decodes what was said, so that its
    answer is there first.
    """

    def __init__(
        self,
        engines: SharedEngines,
        *,
        second: EndOfTurnModel | None = None,
        room: str,
        on_judged: Callable[[], object],
    ) -> None:
        """`second` is asked too; `on_judged` is called when judgements have come, or will not."""
        self._engines = engines
        self._second = second
        self._room = room
        self._on_judged = on_judged
        self._audio = TurnAudio()
        self._task: asyncio.Task[None] | None = None
        self._asked = False
        self.probability: float | None = None
        """That the caller has finished, as it sounds in this pause; None if that is not known."""
        self.second_probability: float | None = None
        """The same by the second model."""

    @property
    def pending(self) -> bool:
        """Whether a judgement on this pause is on its way."""
        return self._task is not None

    def push(self, samples: Samples) -> None:
        """Take mono float32 audio at 16 kHz."""
        self._audio.push(samples)

    def observe(self, activity: Activity) -> None:
        """Take the voice activity of the latest audio: early in a pause the model is asked."""
        self._audio.observe(speaking=activity.speaking, voiced=activity.voiced_seconds > 0)
        if activity.kind is not ActivityKind.WINDOW:
            return
        if activity.voiced_seconds > 0:
            self._cancel()
            self._asked = False
            self.probability = self.second_probability = None
        elif (
            activity.speaking
            and not self._asked
            and activity.silent_seconds >= JUDGED_AT_SECONDS
            and self._engines.acoustic.peek() is not None
        ):
            self._asked = True
            self._task = asyncio.create_task(
                self._judge(self._audio.samples), name="end-of-turn-voice"
            )

    def begin_turn(self) -> None:
        """Forget what was said: it belongs to the turn before."""
        self._audio.begin_turn()

    async def aclose(self) -> None:
        """End the judgement in progress."""
        task = self._task
        self._cancel()
        if task is not None:
            await asyncio.gather(task, return_exceptions=True)

    def _cancel(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()

    async def _judge(self, samples: Samples) -> None:
        try:
            self.probability, self.second_probability = await asyncio.gather(
                self._engines.judge_turn(
                    samples,
                    owner=self._room,
                    deadline_seconds=_DEADLINE_SECONDS,
                    queue_seconds=_QUEUE_SECONDS,
                ),
                self._judge_again(samples),
            )
        except InferenceError as error:
            logger.debug("no judgement of the voice", extra={"error": str(error)})
        except Exception:
            # A fault of the model costs this judgement, not the turn.
            logger.exception("judging the voice failed")
        self._task = None
        self._on_judged()

    async def _judge_again(self, samples: Samples) -> float | None:
        second = self._second
        if second is None:
            return None
        return await self._engines.scheduler.run(
            lambda _: second.probability(samples),
            engine=ROLE,
            owner=self._room,
            priority=Priority.FINAL,
            deadline_seconds=_DEADLINE_SECONDS,
            queue_seconds=_QUEUE_SECONDS,
        )
