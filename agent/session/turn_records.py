"""Where the time of each turn went, and what became of replies that were prepared ahead."""

from __future__ import annotations

import statistics
import time
from collections import Counter, deque
from collections.abc import Callable

from livekit.agents import llm
from livekit.agents.voice import SpeechCreatedEvent, SpeechHandle

from services.protocol import Turn


class TurnRecords:
    """The last turns of one room; belongs to its event loop."""

    def __init__(self, *, limit: int) -> None:
        self._heard: llm.ChatMessage | None = None
        self._records: deque[Turn] = deque(maxlen=limit)
        self.count = 0
        """Turns since the room began."""

    @property
    def kept(self) -> int:
        """Turns whose records are held; from any thread."""
        return len(self._records)

    @property
    def median_response_seconds(self) -> float | None:
        """Over the turns that are kept; None where none of them was measured."""
        measured = [r.response_seconds for r in self._records if r.response_seconds is not None]
        return statistics.median(measured) if measured else None

    def add(self, message: llm.ChatMessage, *, begun: float | None) -> Turn | None:
        """Take a message of the conversation; a reply to speech completes a turn.

        `begun` is the time (`time.time()`) at which the agent began to make this reply.
        """
        if message.role == "user":
            self._heard = message
            return None
        heard, self._heard = self._heard, None
        if message.role != "assistant" or heard is None:
            return None
        stopped = heard.metrics.get("stopped_speaking_at")
        waited = heard.metrics.get("end_of_turn_delay")
        record = Turn(
            id=message.id,
            end_of_speech_seconds=waited,
            transcript_seconds=heard.metrics.get("transcription_delay"),
            first_token_seconds=message.metrics.get("llm_node_ttft"),
            first_sound_seconds=message.metrics.get("tts_node_ttfb"),
            response_seconds=message.metrics.get("e2e_latency"),
            prepared=None not in (begun, stopped, waited)
            and (begun or 0.0) < (stopped or 0.0) + (waited or 0.0),
            interrupted=message.interrupted,
        )
        self._records.append(record)
        self.count += 1
        return record


class PreparedReplies:
    """Follows the replies of one room from their making to their use; belongs to its loop."""

    def __init__(
        self, caller_speaks: Callable[[], bool], *, on_outcome: Callable[[str], object]
    ) -> None:
        self._caller_speaks = caller_speaks
        self._on_outcome = on_outcome
        self._open: dict[str, tuple[SpeechHandle, float]] = {}
        self.outcomes: Counter[str] = Counter()
        """`used`, or why a reply was thrown away: `caller went on`, `words changed`."""

    def speech_created(self, event: SpeechCreatedEvent) -> None:
        """A reply is being made."""
        if event.source != "generate_reply":
            return
        handle = event.speech_handle
        self._open[handle.id] = (handle, time.time())
        handle.add_done_callback(self._done)

    def begun(self, message: llm.ChatMessage) -> float | None:
        """When the making of this message's reply began (`time.time()`)."""
        for handle, created in self._open.values():
            if any(item.id == message.id for item in handle.chat_items):
                return created
        return None

    def _done(self, handle: SpeechHandle) -> None:
        self._open.pop(handle.id, None)
        if handle.scheduled:
            outcome = "used"
        elif self._caller_speaks():
            outcome = "caller went on"
        else:
            outcome = "words changed"
        self.outcomes[outcome] += 1
        self._on_outcome(outcome)
