"""A cache for the sound of short fixed phrases, such as a greeting, bounded in bytes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable

from .types import SynthesisPiece

_WORD_BYTES = 150
"""Approximate memory of one timed word."""


class PhraseCache:
    """Keeps the most recently used phrases; every method is safe from any thread."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._phrases: OrderedDict[Hashable, tuple[SynthesisPiece, ...]] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._phrases)

    @property
    def bytes_used(self) -> int:
        """Memory used by the phrases."""
        return self._bytes

    def get(self, text: Hashable) -> tuple[SynthesisPiece, ...] | None:
        """Return the pieces of a phrase, with read-only samples, or None if it is not cached.

        `text` is the phrase, together with whatever else its sound depends on.
        """
        with self._lock:
            pieces = self._phrases.get(text)
            if pieces is not None:
                self._phrases.move_to_end(text)
            return pieces

    def put(self, text: Hashable, pieces: tuple[SynthesisPiece, ...]) -> bool:
        """Store a phrase, evicting the least recently used; returns False if it is too big."""
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
        """Drop all phrases; returns the bytes freed."""
        with self._lock:
            freed, self._bytes = self._bytes, 0
            self._phrases.clear()
            return freed


def _size(pieces: tuple[SynthesisPiece, ...]) -> int:
    return sum(piece.samples.nbytes + _WORD_BYTES * len(piece.words) for piece in pieces)
