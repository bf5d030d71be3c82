"""Why a client is refused, in words for the log of its owner."""

from __future__ import annotations

from typing import Literal

ErrorCode = Literal["protocol", "too-long", "not-available", "busy", "idle", "engine", "internal"]


class WyomingError(Exception):
    """The request cannot be served; the text is sent to the client and says what to do."""

    def __init__(self, code: ErrorCode, text: str) -> None:
        """`code` is for programs."""
        super().__init__(text)
        self.code: ErrorCode = code
