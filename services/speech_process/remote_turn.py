"""An end-of-turn model that computes in a speech process."""

from __future__ import annotations

from ..audio.samples import Samples
from ..endpointing.acoustic import HEARD_SAMPLES
from ..inference import Priority
from .frames import Header, field, float_samples
from .messages import Terms
from .remote_calls import Calls, wait_seconds


class RemoteTurnModel:
    """The end-of-turn model of the speech process (a `TurnModel`); `judge` is for event loops."""

    def __init__(self, calls: Calls, *, engine: str) -> None:
        self._calls = calls
        self._engine = engine

    async def judge(
        self,
        samples: Samples,
        *,
        owner: str,
        deadline_seconds: float,
        queue_seconds: float | None = None,
    ) -> float | None:
        """As `SharedEngines.judge_turn`; None if the speech process has no such model now."""
        header, payload = self._asked(samples, owner, deadline_seconds, queue_seconds)
        with self._calls.counted(self._engine, Priority.FINAL):
            answer = await self._calls.link.request(
                header, payload, wait_seconds=wait_seconds(queue_seconds)
            )
            return field(answer, "probability", float, None)

    def probability(self, samples: Samples) -> float:
        """As `AcousticModel.probability`, for threads without an event loop."""
        header, payload = self._asked(samples, "", 5.0, None)
        answer = self._calls.link.request_blocking(header, payload)
        return field(answer, "probability", float)

    def _asked(
        self,
        samples: Samples,
        owner: str,
        deadline_seconds: float,
        queue_seconds: float | None,
    ) -> tuple[Header, bytes]:
        encoding, payload = float_samples(samples[-HEARD_SAMPLES:])
        terms = Terms(owner, Priority.FINAL, deadline_seconds, queue_seconds)
        return {"type": "judge", **encoding, **terms.header()}, payload
