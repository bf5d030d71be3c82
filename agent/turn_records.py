"""Where the time of each turn went, from the framework's own measurements."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import asdict, dataclass

from livekit.agents import llm


@dataclass(frozen=True, slots=True)
class TurnRecord:
    """Durations in seconds; None where the framework measured nothing."""

    id: str
    end_of_speech_seconds: float | None
    """From the last voice to the decision that the turn is over."""
    transcript_seconds: float | None
    """From the last voice to the transcript."""
    first_token_seconds: float | None
    first_sound_seconds: float | None
    """From the reply's first words to its first sound."""
    response_seconds: float | None
    """From the caller's last voice to the agent's first sound leaving."""
    interrupted: bool

    def as_json(self) -> str:
        """For the page."""
        return json.dumps(asdict(self))


class TurnRecords:
    """The last turns of one room; belongs to its event loop."""

    def __init__(self, *, limit: int) -> None:
        self._heard: llm.ChatMessage | None = None
        self._records: deque[TurnRecord] = deque(maxlen=limit)
        self.count = 0
        """Turns since the room began."""

    def add(self, message: llm.ChatMessage) -> TurnRecord | None:
        """Take a message of the conversation; a reply to speech completes a turn."""
        if message.role == "user":
            self._heard = message
            return None
        heard, self._heard = self._heard, None
        if message.role != "assistant" or heard is None:
            return None
        record = TurnRecord(
            id=message.id,
            end_of_speech_seconds=heard.metrics.get("end_of_turn_delay"),
            transcript_seconds=heard.metrics.get("transcription_delay"),
            first_token_seconds=message.metrics.get("llm_node_ttft"),
            first_sound_seconds=message.metrics.get("tts_node_ttfb"),
            response_seconds=message.metrics.get("e2e_latency"),
            interrupted=message.interrupted,
        )
        self._records.append(record)
        self.count += 1
        return record
