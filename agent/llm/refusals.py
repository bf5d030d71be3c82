"""What a refusal of an endpoint means, and which request to try instead."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass, replace
from http import HTTPStatus

_CONTEXT = re.compile(
    r"context.{0,30}(?:length|window|size|limit|exceed)|exceed\w*.{0,40}context|n_ctx"
    r"|\b(?:too many|maximum|max|number of|exceed\w*)\b.{0,40}\btokens|\btoken limit"
    r"|(?:prompt|input|request|messages?|inputs?).{0,30}too (?:long|large)"
    r"|reduce the (?:length|number)|input.{0,12}tokens.{0,40}(?:must|exceed)",
    re.IGNORECASE | re.DOTALL,
)
_TOOLS = re.compile(r"\btools?\b|tool[_ -](?:choice|call)|function[_ ]call|\bfunctions\b", re.I)
_MODEL = re.compile(r"model.{0,80}(?:not found|not exist|unknown|not available)", re.I | re.S)
_SYSTEM_ROLE = re.compile(
    r"alternat|system (?:role|message|prompt)|role.{0,12}system|only user and assistant"
    r"|roles? must|conversation roles|must (?:start|begin) with a? ?user",
    re.IGNORECASE,
)
_FIELDS = re.compile(
    r"stream_options|include_usage|extra (?:inputs|fields)|unknown (?:field|parameter|argument)"
    r"|unrecognized|unexpected (?:field|keyword)|not permitted|\bstrict\b|additionalproperties",
    re.IGNORECASE,
)
_SIZES = re.compile(r"(?<![\d.])(\d{3,7})(?![\d.])")
_UNCLEAR = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY})
_OF_THE_SHAPE = _UNCLEAR | {
    HTTPStatus.NOT_FOUND,
    HTTPStatus.METHOD_NOT_ALLOWED,
    HTTPStatus.CONFLICT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.NOT_IMPLEMENTED,
}
"""Statuses for a request whose form the endpoint does not accept."""


class Refusal(enum.Enum):
    """Why a request was refused, as shown in the log and by `doctor`."""

    TOOLS = "it takes no tools"
    CONTEXT = "the conversation is longer than its context"
    ROLES = "it takes no system message"
    FIELDS = "it does not know all fields of the request"
    KEY = "it does not accept the key (LLM_API_KEY)"
    MODEL = "it does not know the model or the address (LLM_MODEL, LLM_BASE_URL)"
    BUSY = "it takes no more requests for now"
    LOADING = "it is not ready yet"
    REQUEST = "it does not take the request"
    FAULT = "it has a fault of its own"


@dataclass(frozen=True, slots=True)
class RequestShape:
    """The shape of the requests that an endpoint accepts."""

    tools: bool = True
    """Whether requests describe the tools."""
    system_role: bool = True
    """Whether system messages are accepted; else they go into the caller's first message."""
    extras: bool = True
    """Whether requests ask for token counts and strict schemas."""
    history_characters: int | None = None
    """Limit on the characters of the conversation that are sent, without the instructions."""

    def plainer_of(self, other: RequestShape) -> RequestShape:
        """The shapes for endpoints that accept only one of the two."""
        lengths = [
            shape.history_characters
            for shape in (self, other)
            if shape.history_characters is not None
        ]
        return RequestShape(
            tools=self.tools and other.tools,
            system_role=self.system_role and other.system_role,
            extras=self.extras and other.extras,
            history_characters=min(lengths, default=None),
        )


def judge(status: int, words: str) -> Refusal:
    """Classify a refusal by its status and the endpoint's words."""
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return Refusal.KEY
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return Refusal.BUSY
    if status in (HTTPStatus.SERVICE_UNAVAILABLE, 425):
        return Refusal.LOADING
    if status in _OF_THE_SHAPE:
        for pattern, refusal in (
            (_MODEL, Refusal.MODEL),
            (_CONTEXT, Refusal.CONTEXT),
            (_SYSTEM_ROLE, Refusal.ROLES),
            (_TOOLS, Refusal.TOOLS),
            (_FIELDS, Refusal.FIELDS),
        ):
            if pattern.search(words):
                return refusal
    if status == HTTPStatus.NOT_FOUND:
        return Refusal.MODEL
    return Refusal.FAULT if status >= HTTPStatus.INTERNAL_SERVER_ERROR else Refusal.REQUEST


def next_shape(
    shape: RequestShape, status: int, words: str, *, history_characters: int, tools: bool
) -> RequestShape | None:
    """Return the shape to try after a refusal; None if there is no other.

    Args:
        shape: how the refused request was made.
        history_characters: how much of the conversation it held; 0 where none of it can be left
            out.
        tools: whether it described any tools.
    """
    refusal = judge(status, words)
    if refusal is Refusal.CONTEXT:
        if history_characters:
            return replace(shape, history_characters=_shorter(history_characters, words))
        return replace(shape, tools=False) if tools else None
    if refusal is Refusal.TOOLS and tools:
        return replace(shape, tools=False)
    if refusal is Refusal.ROLES and shape.system_role:
        return replace(shape, system_role=False)
    if refusal is Refusal.FIELDS and shape.extras:
        return replace(shape, extras=False)
    if refusal is Refusal.REQUEST and status in _UNCLEAR:
        return _plainer(shape, tools=tools)
    if refusal in (Refusal.ROLES, Refusal.FIELDS) and status in _UNCLEAR:
        return _plainer(shape, tools=tools)
    return None


def _plainer(shape: RequestShape, *, tools: bool) -> RequestShape | None:
    """Yield shapes without one thing that an endpoint may not know, likeliest first."""
    if tools:
        return replace(shape, tools=False)
    if shape.extras:
        return replace(shape, extras=False)
    return replace(shape, system_role=False) if shape.system_role else None


def _shorter(characters: int, words: str) -> int:
    """Return half the length, or less where the endpoint states its limit."""
    sizes = sorted({int(size) for size in _SIZES.findall(words)})
    share = sizes[0] / sizes[-1] * 0.8 if len(sizes) > 1 else 0.5
    return int(characters * min(0.5, max(share, 0.1)))
