"""What one client may cost, whatever it sends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from .. import defaults

LONGEST_JSON_BYTES: Final = 256 * 1024
"""Of the header line of an event, and again of the data after it."""
LONGEST_PAYLOAD_BYTES: Final = 4 * 2**20
"""Of the sound in one event: 131 s as Home Assistant sends it, 5 s of the richest format."""
LONGEST_TEXT_CHARACTERS: Final = 20_000
"""Spoken on one request, some 25 minutes."""
MOST_WAITING_EVENTS: Final = 4096
"""Of one client, received but not processed yet; more are left in the network."""
MOST_WAITING_BYTES: Final = LONGEST_PAYLOAD_BYTES
IDLE_SECONDS: Final = 60.0
"""Time for a request to begin, and within one for the next event."""
EVENT_SECONDS: Final = 30.0
"""Time for the rest of an event that has begun to arrive."""
WRITE_SECONDS: Final = 60.0
"""Time in which a client must take some of what it is sent. Who plays a reply as it arrives takes
a second's worth each second."""
QUEUE_SECONDS: Final = 60.0
"""Longest wait of a call behind conversations."""


@dataclass(frozen=True, slots=True)
class WyomingLimits:
    """Limits that an operator may choose."""

    connections: int = defaults.WYOMING_MAX_CONNECTIONS
    """At once."""
    utterance_seconds: float = defaults.WYOMING_MAX_SECONDS
    """Sound between the start and the stop of one request."""
    decode_seconds: float = defaults.ASR_TIMEOUT_SECONDS
    """Engine time of one decode."""
    sentence_seconds: float = defaults.TTS_TIMEOUT_SECONDS
    """Engine time of one sentence."""
    idle_seconds: float = IDLE_SECONDS
