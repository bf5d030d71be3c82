"""What the callers of a room are told when an engine fails."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from typing import Any

from livekit.agents import AgentSession, llm
from livekit.agents.voice import ConversationItemAddedEvent, ErrorEvent

from agent.languages import Phrases
from agent.observability.masking import error_text
from services.asr.events import ASREvent, ASREventKind
from services.inference import EngineUnavailable
from services.livekit_local import LocalSTT
from services.protocol import NoticeKind

logger = logging.getLogger("agent.session.failures")


class FailureNotices:
    """Reports failures of one room's engines; belongs to the room's event loop."""

    def __init__(
        self,
        session: AgentSession[Any],
        stt: LocalSTT,
        notify: Callable[[NoticeKind, str], bool],
        *,
        phrases: Callable[[], Phrases],
    ) -> None:
        """Follow the session.

        Args:
            session: speaks to the callers.
            stt: the room's recogniser.
            notify: shows the callers a sentence; False where the call is over.
            phrases: what the agent says by itself, in the language of the moment.
        """
        self._session = session
        self._notify = notify
        self._phrases = phrases
        self._apology = ""
        session.on("error", self._on_error)
        session.on("conversation_item_added", self._on_item)
        stt.subscribe(self._on_heard)

    def llm_failed(self, apology: str) -> None:
        """Keep the apology that replaces a reply, which may be prepared and never spoken."""
        self._apology = apology

    def tools_down(self) -> None:
        """Let the callers read that some tools cannot be used."""
        self._notify(NoticeKind.TOOLS_UNAVAILABLE, self._phrases().tools_down)

    def _on_error(self, event: ErrorEvent) -> None:
        error = getattr(event.error, "error", event.error)
        kind = getattr(event.error, "type", "error")
        logger.warning("engine error", extra={"kind": kind, "error": error_text(error)})
        logger.debug("engine error in full", extra={"error": str(error)})
        if kind == "tts_error":
            self._notify(NoticeKind.VOICE_UNAVAILABLE, self._phrases().voice_out_of_service)

    def _on_item(self, event: ConversationItemAddedEvent) -> None:
        item = event.item
        if isinstance(item, llm.ChatMessage) and item.role == "assistant" and self._apology:
            if self._apology in (item.text_content or ""):
                self._notify(NoticeKind.LLM_UNAVAILABLE, self._apology)
            self._apology = ""

    def _on_heard(self, heard: ASREvent) -> None:
        """Ask for an utterance that was lost again, so that the caller does not wait."""
        if heard.kind is not ASREventKind.FAILED:
            return
        out_of_service = isinstance(heard.error, EngineUnavailable)
        phrases = self._phrases()
        apology = phrases.cannot_hear if out_of_service else phrases.did_not_catch
        if self._notify(NoticeKind.HEARING_FAILED, apology):
            with contextlib.suppress(RuntimeError):
                self._session.say(apology)
