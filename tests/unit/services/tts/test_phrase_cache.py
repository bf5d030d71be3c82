"""Sound of fixed phrases, kept within a number of bytes."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest

from services.tts.phrase_cache import PhraseCache, PhraseKey
from services.tts.types import SpeechPiece, TimedWord


def key(text: str) -> PhraseKey:
    return PhraseKey(voice="v", speaker=None, speed=1.0, text=text)


def phrase(samples: int) -> tuple[SpeechPiece, ...]:
    return (SpeechPiece(np.zeros(samples, dtype=np.int16), ()),)


def test_a_phrase_comes_back_unless_anything_differs() -> None:
    cache = PhraseCache(10_000)
    pieces = phrase(100)
    assert cache.put(key("hello"), pieces)
    assert cache.get(key("hello")) is pieces
    for other in (
        replace(key("hello"), voice="w"),
        replace(key("hello"), speaker=1),
        replace(key("hello"), speed=1.1),
        key("Hello"),
    ):
        assert cache.get(other) is None


def test_the_phrase_not_used_for_longest_makes_way() -> None:
    cache = PhraseCache(650)
    for text in ("a", "b", "c"):
        cache.put(key(text), phrase(100))
    cache.get(key("a"))
    cache.put(key("d"), phrase(100))
    assert [text for text in "abcd" if cache.get(key(text))] == ["a", "c", "d"]
    assert cache.bytes_used <= 650


def test_a_phrase_beyond_the_limit_is_not_kept() -> None:
    cache = PhraseCache(650)
    cache.put(key("a"), phrase(100))
    assert not cache.put(key("big"), phrase(1000))
    assert cache.get(key("a")) is not None
    assert not PhraseCache(0).put(key("a"), phrase(1))


def test_words_count_too() -> None:
    cache = PhraseCache(10_000)
    cache.put(key("a"), (SpeechPiece(np.zeros(0, np.int16), (TimedWord("a", 0, 0),)),))
    assert cache.bytes_used > 0


def test_clear_tells_what_it_freed() -> None:
    cache = PhraseCache(10_000)
    cache.put(key("a"), phrase(100))
    cache.put(key("a"), phrase(200))
    assert cache.clear() == 400
    assert (len(cache), cache.bytes_used, cache.clear()) == (0, 0, 0)


def test_what_all_rooms_share_cannot_be_written_to() -> None:
    cache = PhraseCache(10_000)
    pieces = phrase(10)
    cache.put(key("a"), pieces)
    with pytest.raises(ValueError, match="read-only"):
        pieces[0].samples[0] = 1


def test_threads_may_use_it_at_once() -> None:
    cache = PhraseCache(3_000)

    def use(seed: int) -> None:
        for n in range(500):
            cache.put(key(str((seed + n) % 20)), phrase(100))
            cache.get(key(str(n % 20)))
            if n % 100 == 0:
                cache.clear()

    threads = [threading.Thread(target=use, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert cache.bytes_used == 200 * len(cache) <= 3_000
