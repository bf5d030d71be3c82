"""Numbers, money, dates and the like are heard as they are meant; the corpus is a benchmark's."""

from __future__ import annotations

import asyncio

from benchmarks.spoken_text import corpus, errors
from benchmarks.spoken_text.__main__ import hear, speak, suppressed_tokens
from services.asr.engine import StreamingASR
from services.tts.engine import StreamingTTS

_EVERY = 22
"""About twenty lines, of each kind at least one."""
_TRIES = 3
"""The voice says nothing twice in the same way, and Whisper mishears some of it."""
_WRONG_AT_MOST = 0.05


def test_lines_of_all_kinds_are_heard_as_they_are_meant(
    genuine_tts: StreamingTTS, genuine_asr: StreamingASR
) -> None:
    lines = corpus("en")[::_EVERY]
    assert {line.kind for line in lines} == {line.kind for line in corpus("en")}
    whisper = genuine_asr._whisper
    assert whisper is not None
    tokens = suppressed_tokens(whisper.model.hf_tokenizer)
    told = []
    wrong = words = 0
    for line in lines:
        tries: list[tuple[int, int, str]] = []
        while len(tries) < _TRIES and not (tries and min(tries)[0] == 0):
            sound = asyncio.run(speak(genuine_tts, line.written, "en"))
            heard = hear(whisper.model, sound, "en", tokens)
            tries.append((*errors(heard, line), heard))
        found, count, heard = min(tries)
        wrong, words = wrong + found, words + count
        told.append((found, line.written, heard))
    assert wrong <= _WRONG_AT_MOST * words, [row for row in told if row[0]]
