"""Sound of fixed phrases, kept within a number of bytes."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from services.tts.phrase_cache import PhraseCache
from services.tts.types import SynthesisPiece, TimedWord


def phrase(samples: int) -> tuple[SynthesisPiece, ...]:
    return (SynthesisPiece(np.zeros(samples, dtype=np.int16), ()),)


def test_a_phrase_comes_back() -> None:
    cache = PhraseCache(10_000)
    pieces = phrase(100)
    assert cache.put("hello", pieces)
    assert cache.get("hello") is pieces
    assert cache.get("Hello") is None


def test_the_phrase_not_used_for_longest_makes_way() -> None:
    cache = PhraseCache(650)
    for text in ("a", "b", "c"):
        cache.put(text, phrase(100))
    cache.get("a")
    cache.put("d", phrase(100))
    assert [text for text in "abcd" if cache.get(text)] == ["a", "c", "d"]
    assert cache.bytes_used <= 650


def test_a_phrase_beyond_the_limit_is_not_kept() -> None:
    cache = PhraseCache(650)
    cache.put("a", phrase(100))
    assert not cache.put("big", phrase(1000))
    assert cache.get("a") is not None
    assert not PhraseCache(0).put("a", phrase(1))


def test_words_count_too() -> None:
    cache = PhraseCache(10_000)
    cache.put("a", (SynthesisPiece(np.zeros(0, np.int16), (TimedWord("a", 0, 0),)),))
    assert cache.bytes_used > 0


def test_clear_tells_what_it_freed() -> None:
    cache = PhraseCache(10_000)
    cache.put("a", phrase(100))
    cache.put("a", phrase(200))
    assert cache.clear() == 400
    assert (len(cache), cache.bytes_used, cache.clear()) == (0, 0, 0)


def test_what_all_rooms_share_cannot_be_written_to() -> None:
    cache = PhraseCache(10_000)
    pieces = phrase(10)
    cache.put("a", pieces)
    with pytest.raises(ValueError, match="read-only"):
        pieces[0].samples[0] = 1


def test_threads_may_use_it_at_once() -> None:
    cache = PhraseCache(3_000)

    def use(seed: int) -> None:
        for n in range(500):
            cache.put(str((seed + n) % 20), phrase(100))
            cache.get(str(n % 20))
            if n % 100 == 0:
                cache.clear()

    threads = [threading.Thread(target=use, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert cache.bytes_used == 200 * len(cache) <= 3_000
