"""Keeps the sound of short fixed phrases, such as a greeting, within a number of bytes."""

from __future__ import annotations

import threading
from collections import OrderedDict

from .types import SynthesisPiece

_WORD_BYTES = 150
"""About what one timed word takes in memory."""


class PhraseCache:
    """The phrases used last; every method is safe from any thread."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._phrases: OrderedDict[str, tuple[SynthesisPiece, ...]] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._phrases)

    @property
    def bytes_used(self) -> int:
        """Memory taken by the phrases."""
        return self._bytes

    def get(self, text: str) -> tuple[SynthesisPiece, ...] | None:
        """The pieces of a phrase, with read-only samples; None when it is not kept."""
        with self._lock:
            pieces = self._phrases.get(text)
            if pieces is not None:
                self._phrases.move_to_end(text)
            return pieces

    def put(self, text: str, pieces: tuple[SynthesisPiece, ...]) -> bool:
        """Keep a phrase, in place of those not used for longest; False when it is too big."""
        size = _size(pieces)
        if size > self._max_bytes:
            return False
        for piece in pieces:
            # All rooms get the same array.
            piece.samples.flags.writeable = False
        with self._lock:
            self._bytes -= _size(self._phrases.pop(text, ()))
            self._phrases[text] = pieces
            self._bytes += size
            while self._bytes > self._max_bytes:
                _, oldest = self._phrases.popitem(last=False)
                self._bytes -= _size(oldest)
        return True

    def clear(self) -> int:
        """Forget all phrases; returns the bytes that this frees."""
        with self._lock:
            freed, self._bytes = self._bytes, 0
            self._phrases.clear()
            return freed


def _size(pieces: tuple[SynthesisPiece, ...]) -> int:
    return sum(piece.samples.nbytes + _WORD_BYTES * len(piece.words) for piece in pieces)
