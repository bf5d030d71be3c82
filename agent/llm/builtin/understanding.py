"""From the caller's words to a reply: a tool, an answer, or a question."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass

from agent import phrases
from agent.llm.builtin.conversation import Conversation
from agent.llm.builtin.small_talk import refusal, small_talk, unknown
from agent.tools import Match, NotUnderstoodError, Toolbox
from agent.tools.lists import with_things_joined
from agent.tools.spoken.text import normalise
from services.endpointing.completeness import judge_completeness

logger = logging.getLogger("agent.llm.builtin")

BROKEN_OFF = 0.3
"""Below this probability of being complete, the agent asks for the request again."""

_LATIN = re.compile(r"[a-z0-9]")

HOW_LONG = "For how much time?"
TO_DO_WHAT = "Remind you to do what?"
WHEN = "In how much time?"

_OPENING = re.compile(
    r"(?:please|hey|hi|hello|okay|so|well|um|uh|er|hmm|now|and|then|also|oh|yes|no|alright|right"
    r"|thanks|thank you|excuse me|sorry|listen|there|computer|assistant|good morning"
    r"|good afternoon|good evening|just|actually|wait|but|i said|i mean"
    r"|(?:can|could|would|will) you(?: please)?(?: tell me)?|tell me|do you know|let me know"
    r"|i (?:want|would like|need|have)(?: you)? to(?: know)?|i would like|i want|let us|let me"
    r"|would you mind|go ahead and|try to|can i|could i|may i) "
)
_ENDING = re.compile(
    r"(.+?) (?:please|now|right now|for me|thanks|thank you|then|okay|today|again|if you can"
    r"|will you|would you|could you|can you|quickly|at once)"
)
_MAX_READINGS = 12

_QUESTIONS = (
    (re.compile(r".*\bremind me to .+"), WHEN),
    (re.compile(r".*\bremind me(?: (?:in|at|after) .+?)?(?: to)?"), TO_DO_WHAT),
    (re.compile(r".*\b(?:set|start|make|need)(?: \w+){0,3} (?:timer|alarm)s?(?: .+)?"), HOW_LONG),
)
"""Requests that lack a part, each with the question for it."""

_ASKS_FOR_THE_REST = {
    HOW_LONG: (" for .*$| for$", ("for ", "")),
    TO_DO_WHAT: (" to$", ("to ", "")),
    WHEN: ("^$", ("in ", "at ", "")),
    phrases.DID_NOT_CATCH: ("^$", ("",)),
}
"""Replies that ask for the rest: what to drop from the request, and how to link the answer."""

_FILLERS = re.compile(r"\b(?:um+|uh+|er+|erm|hmm+|mm+|ah)\b ?")


@dataclass(frozen=True)
class Reply:
    """What to say, or the tools with an effect to call instead."""

    text: str = ""
    calls: tuple[Match, ...] = ()


async def understand(conversation: Conversation, toolbox: Toolbox) -> Reply:
    """Reply to the conversation's request; answers without an effect are computed here."""
    words = _without_fillers(conversation.request or "")
    if not words:
        return Reply(phrases.DID_NOT_CATCH)
    for reading in _joined_readings(words, conversation):
        reply = await _known(reading, conversation, toolbox)
        if reply is not None:
            return reply
    return (
        await _known(words, conversation, toolbox)
        or await _several(words, conversation, toolbox)
        or Reply(_question_back(words, conversation))
    )


def _without_fillers(text: str) -> str:
    return _FILLERS.sub("", normalise(with_things_joined(text))).strip()


def _joined_readings(words: str, conversation: Conversation) -> Iterable[str]:
    """Yield the requests that `words` may complete, if the caller was asked for the rest."""
    begun: list[str] = []
    for request, reply in reversed(conversation.exchanges):
        if reply not in _ASKS_FOR_THE_REST:
            break
        dropped, links = _ASKS_FOR_THE_REST[reply]
        request = _without_fillers(request)
        yield " ".join([request, *begun, words]).strip()
        begun.insert(0, re.sub(dropped, "", request))
        for link in links:
            yield " ".join([*begun, link + words]).strip()


async def _known(words: str, conversation: Conversation, toolbox: Toolbox) -> Reply | None:
    """Return the reply to one request, without its politeness; None if unknown."""
    for reading in _readings(words, toolbox.state.agent_name):
        for match in toolbox.matches(reading):
            if match.tool.effect:
                return Reply(calls=(match,))
            try:
                return Reply(await toolbox.call(match.tool.name, match.arguments))
            except NotUnderstoodError:
                continue
            except Exception:
                logger.exception("tool failed", extra={"tool": match.tool.name})
                return Reply(phrases.TOOL_FAILED)
        talk = small_talk(reading, toolbox.state, conversation)
        if talk is not None:
            return Reply(talk)
    return None


def _readings(words: str, agent_name: str) -> list[str]:
    """Return `words`, then versions with one polite phrase after another removed."""
    name = normalise(agent_name)
    readings = [words]
    for reading in readings:
        opening = _OPENING.match(reading)
        shorter = [reading[opening.end() :]] if opening else []
        ending = _ENDING.fullmatch(reading)
        shorter += [ending[1]] if ending else []
        if name and len(reading) > len(name):
            shorter += [reading.removeprefix(f"{name} ").removesuffix(f" {name}")]
        readings += [r for r in shorter if r and r not in readings]
        if len(readings) >= _MAX_READINGS:
            break
    return readings


async def _several(words: str, conversation: Conversation, toolbox: Toolbox) -> Reply | None:
    """Return the replies to two requests joined by "and", if both are known."""
    parts = words.split(" and ", 1)
    if len(parts) != 2:
        return None
    replies = [await _known(part, conversation, toolbox) for part in parts]
    if replies[0] is None or replies[1] is None:
        return None
    calls = replies[0].calls + replies[1].calls
    return Reply(" ".join(r.text for r in replies if r and r.text), calls)


def _question_back(words: str, conversation: Conversation) -> str:
    for pattern, question in _QUESTIONS:
        if pattern.fullmatch(words):
            return question
    refused = refusal(words)
    if refused and refused != phrases.NO_LLM:
        return refused
    if not _LATIN.search(words) or judge_completeness(words).probability < BROKEN_OFF:
        return phrases.DID_NOT_CATCH
    return refused or unknown(conversation)
