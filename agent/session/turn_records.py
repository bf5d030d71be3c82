"""Where the time of each turn went, and the outcomes of replies that were prepared ahead."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections import Counter, deque
from collections.abc import Callable
from typing import Any

from livekit.agents import AgentSession, llm
from livekit.agents.voice import ConversationItemAddedEvent, SpeechCreatedEvent, SpeechHandle

from services.endpointing.verdict import Verdict
from services.protocol import Turn, WaitReason


class Turns:
    """Follows the turns of one session; belongs to its event loop."""

    def __init__(
        self,
        session: AgentSession[Any],
        *,
        limit: int,
        verdict: Callable[[], Verdict | None],
        on_turn: Callable[[Turn], None],
        on_prepared: Callable[[str], object],
    ) -> None:
        """Follow the session.

        Args:
            session: not yet started.
            limit: how many records are kept.
            verdict: returns the one by which the latest turn ended, if there is any yet.
            on_turn: called with the record of each turn.
            on_prepared: called with the outcome of each reply that was prepared ahead.
        """
        self.records = TurnRecords(limit=limit, verdict=verdict)
        self._replies = PreparedReplies(
            lambda: session.user_state == "speaking", on_outcome=on_prepared
        )
        self._on_turn = on_turn
        session.on("speech_created", self._replies.speech_created)
        session.on("conversation_item_added", self._on_item)

    def summary(self) -> dict[str, object]:
        """Figures for the log at the end of the room."""
        median = self.records.median_response_seconds
        return {
            "turns": self.records.count,
            "response_p50_seconds": None if median is None else round(median, 3),
            "replies": dict(self._replies.outcomes),
        }

    def _on_item(self, event: ConversationItemAddedEvent) -> None:
        # One step later the reply's own record of its messages is complete too.
        asyncio.get_running_loop().call_soon(self._record, event.item)

    def _record(self, item: object) -> None:
        if isinstance(item, llm.ChatMessage):
            turn = self.records.add(item, begun=self._replies.begun(item))
            if turn is not None:
                self._on_turn(turn)


class TurnRecords:
    """The last turns of one room; belongs to its event loop."""

    def __init__(self, *, limit: int, verdict: Callable[[], Verdict | None]) -> None:
        """Keep the last `limit` turns; `verdict` returns the one by which the latest ended."""
        self._verdict = verdict
        self._used: Verdict | None = None
        self._heard: llm.ChatMessage | None = None
        self._reason: WaitReason | None = None
        self._records: deque[Turn] = deque(maxlen=limit)
        self.count = 0
        """Turns since the room began."""

    @property
    def kept(self) -> int:
        """Number of records kept; from any thread."""
        return len(self._records)

    @property
    def median_response_seconds(self) -> float | None:
        """Over the records kept; None if none of them was measured."""
        measured = [r.response_seconds for r in self._records if r.response_seconds is not None]
        return statistics.median(measured) if measured else None

    def add(self, message: llm.ChatMessage, *, begun: float | None) -> Turn | None:
        """Add a message; a reply to speech completes a turn, whose record is returned.

        `begun` is the time (`time.time()`) at which the agent began to prepare this reply.
        """
        if message.role == "user":
            self._heard = message
            self._reason = self._reason_of(message)
            return None
        heard, self._heard = self._heard, None
        if message.role != "assistant" or heard is None:
            return None
        stopped = heard.metrics.get("stopped_speaking_at")
        waited = heard.metrics.get("end_of_turn_delay")
        record = Turn(
            id=message.id,
            end_of_speech_seconds=waited,
            wait_reason=self._reason,
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

    def _reason_of(self, heard: llm.ChatMessage) -> WaitReason | None:
        """Why the end of this message was waited for; each verdict is about one message."""
        verdict = self._verdict()
        if verdict is None or verdict is self._used:
            return None
        if heard.metrics.get("end_of_turn_delay") is None:
            # Typed; the verdict is about words that are still to come.
            return None
        self._used = verdict
        return verdict.reason


class PreparedReplies:
    """Follows the replies of one room from preparation to use; belongs to its event loop."""

    def __init__(
        self, caller_speaks: Callable[[], bool], *, on_outcome: Callable[[str], object]
    ) -> None:
        self._caller_speaks = caller_speaks
        self._on_outcome = on_outcome
        self._open: dict[str, tuple[SpeechHandle, float]] = {}
        self.outcomes: Counter[str] = Counter()
        """Counts of `used`, `caller went on` and `words changed`, which discard a reply."""

    def speech_created(self, event: SpeechCreatedEvent) -> None:
        """Follow a reply that is being prepared."""
        if event.source != "generate_reply":
            return
        handle = event.speech_handle
        self._open[handle.id] = (handle, time.time())
        handle.add_done_callback(self._done)

    def begun(self, message: llm.ChatMessage) -> float | None:
        """Return when preparation of this message's reply began (`time.time()`)."""
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
