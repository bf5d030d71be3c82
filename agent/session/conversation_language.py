"""The language of a conversation: which one the caller speaks, and which one the agent answers in.

The agent speaks the language of its voice. It follows the caller where it has a voice for that
language, and says once where it has none.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Final

from agent.languages import SOURCE_LANGUAGE, Phrases, language_name, phrases_in
from agent.settings import Settings
from services.asr.events import ASREvent, ASREventKind
from services.models.languages import base_language

logger = logging.getLogger("agent.session.language")

SURE: Final = 0.8
"""A language that is detected with this probability in a whole utterance is taken at once."""
LIKELY: Final = 0.5
"""One that is detected with less than that must be detected again in the next utterance."""
SHORT_SECONDS: Final = 1.0
"""A shorter utterance changes the language only together with the next one: "okay" and "no" are
words of many languages."""


class ConversationLanguage:
    """Follows the language of the callers of one room; belongs to its event loop."""

    def __init__(
        self,
        configured: str | None,
        *,
        voice: str | None = None,
        others: Iterable[str] = (),
        on_changed: Callable[[], None] = lambda: None,
        on_unvoiced: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Begin with the configured language, or with that of the voice.

        Args:
            configured: what callers speak; None to follow them.
            voice: what the agent's own voice speaks; None where nothing is spoken.
            others: languages that there is a voice for as well.
            on_changed: called when callers have changed to another language.
            on_unvoiced: called once for each language that no voice speaks, with the sentence
                that says so.
        """
        self.follows = configured is None
        own = base_language(voice or configured or SOURCE_LANGUAGE)
        self._own = own
        self._voices = frozenset({own, *(base_language(other) for other in others)})
        self._settled = base_language(configured or own)
        self._heard = self._settled
        self._candidate = ""
        self._has_heard = False
        self._told: set[str] = set()
        self.on_changed = on_changed
        self.on_unvoiced = on_unvoiced

    @property
    def heard(self) -> str:
        """What the caller speaks: an ISO 639-1 code."""
        return self._heard

    @property
    def spoken(self) -> str:
        """What the agent speaks: an ISO 639-1 code."""
        return self._heard if self._heard in self._voices else self._own

    @property
    def phrases(self) -> Phrases:
        """What the agent says by itself."""
        return phrases_in(self.spoken)

    @property
    def instruction(self) -> str:
        """What the LLM is told; empty where its instructions need no addition."""
        if self.follows and not self._has_heard:
            return ""
        heard, spoken = language_name(self.heard), language_name(self.spoken)
        if heard != spoken:
            return (
                f"The caller speaks {heard}, but your voice speaks {spoken} only: "
                f"answer in {spoken}, whatever language you are addressed in."
            )
        if self.heard == SOURCE_LANGUAGE and not self.follows:
            return ""
        return f"The caller speaks {heard}. Answer in {heard}."

    def observe(self, event: ASREvent) -> None:
        """Take what was recognised, before the reply to it is prepared."""
        if not self.follows or not event.text:
            return
        self._has_heard = True
        if event.kind is ASREventKind.PREFLIGHT:
            self._heard = self._after(event)
        elif event.kind is ASREventKind.FINAL:
            self._settle(event)

    def _after(self, event: ASREvent) -> str:
        """Return the caller's language, given one more utterance."""
        detected = base_language(event.language)
        if detected == self._settled or event.language_probability < LIKELY:
            return self._settled
        long_enough = event.end_seconds - event.start_seconds >= SHORT_SECONDS
        at_once = long_enough and event.language_probability >= SURE
        return detected if at_once or detected == self._candidate else self._settled

    def _settle(self, event: ASREvent) -> None:
        before, self._heard = self._settled, self._after(event)
        self._settled = self._heard
        detected = base_language(event.language)
        is_likely = event.language_probability >= LIKELY
        self._candidate = detected if is_likely and detected != self._settled else ""
        if self._settled == before:
            return
        logger.info(
            "language changed",
            extra={
                "language": self._settled,
                "spoken": self.spoken,
                "probability": round(event.language_probability, 3),
            },
        )
        self.on_changed()
        if self._settled not in self._voices and self._settled not in self._told:
            self._told.add(self._settled)
            self.on_unvoiced(self.phrases.no_voice)


def written_language(settings: Settings) -> ConversationLanguage:
    """Return the language of a conversation that is typed, or that has not begun."""
    configured = settings.asr.language
    return ConversationLanguage(None if configured == "auto" else configured)
