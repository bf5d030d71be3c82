"""The memory that one room holds: its conversation, and the audio on its way in and out."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Final

from livekit.agents import llm

from agent.session.turn_records import TurnRecords
from services.livekit_local import LocalSTT, LocalTTS
from services.livekit_local.room_audio import RoomAudioInput

ITEM_BYTES: Final = 1200
"""Of a message, tool call or tool result without its text; `tracemalloc` shows 700 to 1,200."""
RECORD_BYTES: Final = 290
"""Of the record of one turn, measured the same way."""


class RoomMemory:
    """Estimates the memory of a room from the contents of what it keeps.

    The framework's own objects, some hundred KB that do not grow with the room, are not counted.
    Quick, and safe from any thread while the room goes on.
    """

    def __init__(
        self,
        *,
        history: Callable[[], Sequence[llm.ChatItem]],
        turns: TurnRecords,
        sound: RoomAudioInput,
        stt: LocalSTT,
        tts: LocalTTS,
    ) -> None:
        self._history = history
        self._turns = turns
        self._sound = sound
        self._stt = stt
        self._tts = tts

    def bytes(self) -> int:
        """Return the bytes that the room holds now."""
        return (
            # A copy: the room's thread may add to it meanwhile.
            sum(ITEM_BYTES + _text_bytes(item) for item in list(self._history()))
            + RECORD_BYTES * self._turns.kept
            + self._sound.waiting_bytes
            + self._stt.audio_bytes
            + self._tts.audio_bytes
        )


def _text_bytes(item: llm.ChatItem) -> int:
    if isinstance(item, llm.ChatMessage):
        return sum(sys.getsizeof(part) for part in item.content if isinstance(part, str))
    if isinstance(item, llm.FunctionCall):
        return sys.getsizeof(item.arguments)
    if isinstance(item, llm.FunctionCallOutput):
        return sys.getsizeof(item.output)
    return 0
