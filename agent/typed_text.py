"""What a caller types, taken as a turn of its own; a hostile length stays out of the history."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Final

from livekit.agents import AgentSession
from livekit.agents.voice.room_io import TextInputEvent, TextInputOptions

logger = logging.getLogger(__name__)

LONGEST_TYPED_CHARACTERS: Final = 4000
"""Twice what the page lets a caller type."""

_take_turn = TextInputOptions().text_input_cb


async def take_typed_text(session: AgentSession[None], event: TextInputEvent) -> None:
    """The framework's own handling, of the first `LONGEST_TYPED_CHARACTERS` only."""
    if len(event.text) > LONGEST_TYPED_CHARACTERS:
        logger.info("typed text shortened", extra={"characters": len(event.text)})
        event = replace(event, text=event.text[:LONGEST_TYPED_CHARACTERS])
    handled = _take_turn(session, event)
    if handled is not None:
        await handled
