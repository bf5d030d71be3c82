"""What the process has learned about an endpoint and its model, shared by all rooms."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable

from agent.llm.refusals import Refusal, RequestShape

logger = logging.getLogger("agent.llm")

STAYS_LOADED_SECONDS = 240.0
"""A model idle for this long may have been unloaded; Ollama does so after 300 s."""

_REASONERS = re.compile(
    r"think|reason|magistral|\bqwq|(?:^|[-_/:. ])r1(?:$|[-_:. ])|marco-o1|exaone-deep",
    re.IGNORECASE,
)
"""Models whose templates usually open the reasoning, so that only its end is sent."""


class EndpointProfile:
    """Knowledge of one endpoint and model. Safe for use from several threads.

    Args:
        address: the endpoint's, without credentials, for the log.
        model: the name it is asked for.
        clock: monotonic seconds.
    """

    def __init__(
        self, address: str, model: str, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.address = address
        self.model = model
        self._clock = clock
        self._lock = threading.Lock()
        self._shape = RequestShape()
        self._answered_at: float | None = None
        self._begins_with_reasoning = _REASONERS.search(model) is not None
        self.streams: bool | None = None
        """Whether answers are streamed; None while unknown."""
        self._told: set[str] = set()

    @property
    def shape(self) -> RequestShape:
        """The shape of requests that it accepts, as far as known."""
        return self._shape

    @property
    def is_awake(self) -> bool:
        """Whether the model answered recently and so needs no time to load."""
        answered_at = self._answered_at
        return answered_at is not None and self._clock() - answered_at < STAYS_LOADED_SECONDS

    @property
    def begins_with_reasoning(self) -> bool:
        """Whether answers begin with reasoning of which only the end is marked."""
        return self._begins_with_reasoning

    def note_answer(self) -> None:
        """Record that the model has begun an answer."""
        self._answered_at = self._clock()

    def note_silence(self) -> None:
        """Record that the model did not answer in time or could not be reached."""
        self._answered_at = None

    def note_reasoning(self, *, begins_with_it: bool) -> None:
        """Record that an answer was read to its end."""
        self._begins_with_reasoning = begins_with_it

    def learn(self, shape: RequestShape, refusal: Refusal) -> None:
        """Remember the shape that was accepted after a refusal; log it once."""
        with self._lock:
            # Another room may have learned something else meanwhile.
            shape = self._shape = self._shape.plainer_of(shape)
            if refusal.name in self._told:
                return
            self._told.add(refusal.name)
        logger.warning(
            "LLM is asked differently from now on",
            extra={
                "endpoint": self.address,
                "model": self.model,
                "reason": refusal.value,
                "tools": shape.tools,
                "history_characters": shape.history_characters,
            },
        )
