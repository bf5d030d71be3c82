"""Detects and cuts text that the decoder invented or repeats without end."""

from __future__ import annotations

import math
import re
import zlib

from .transcription import Transcription

_TOKENS_BASE = 16
_TOKENS_PER_SECOND = 20
"""Usual speech takes 5 tokens a second; below 17 the demo model loses words."""
_DOUBTFUL_BASE = 8
_DOUBTFUL_PER_SECOND = 9
"""More tokens than this are doubted, in Latin script: correct texts have 5 a second, with 8 for one
second of speech, and repetitive ones 11. Other scripts need several tokens per letter."""
_LAST_LATIN = "\u024f"
_REPETITION_RATIO = 2.4
"""Text that compresses better is repetitive; the threshold of Whisper's own decoding."""
_DOUBTFUL_REPEATS = {1: 4, 2: 3}
"""Repeats at the end of a text that are doubted, by words of the phrase; two for longer phrases.
People do say "no no no" and "five five five"."""
_LONGEST_UNIT = 3
"""Letters that, eight times in a row, make no word: "AHHHHHHHH", "hahahahahahahaha"."""
_PHANTOMS = ((0.85, -0.5), (0.5, -1.0), (0.4, -1.5), (0.0, -2.0))
"""Pairs of a probability of no speech and a mean log probability: a text at least as unlikely to be
speech and less certain than either pair is invented. Correct texts, single words included, reach
0.63 and -0.9, 0.39 and -1.4, or 0.33 and -1.7; texts invented for music, machines and applause lie
beyond."""
_PHANTOM_REPETITION = 0.45
"""Probability of no speech above which a repetitive text is invented, however certain."""


def token_limit(seconds: float) -> int:
    """Return the most tokens that this much speech can have."""
    return _TOKENS_BASE + math.ceil(seconds * _TOKENS_PER_SECOND)


def is_runaway(heard: Transcription) -> bool:
    """Whether the text repeats itself, runs past the end of the audio, or is too long for it.

    The decoder's confidence is not considered: it is high for repetitions, and a guess does not
    improve with more context (docs/recognition.md).
    """
    return (
        heard.tokens >= token_limit(heard.audio_seconds) - 1
        or _is_long(heard)
        or bool(heard.beyond)
        or _compression_ratio(heard.text) > _REPETITION_RATIO
        or re.search(_DRAWN_OUT, heard.text) is not None
        or _ends_in_repetition(heard.text)
    )


def better_of(one: Transcription, other: Transcription) -> Transcription:
    """Return the more trustworthy one: without repetition, then the more certain."""
    return max(one, other, key=lambda h: (not is_runaway(h), h.mean_log_probability))


def is_phantom(heard: Transcription) -> bool:
    """Whether the text was invented for noise or music, or is no word, as "AHHHHHHHH"."""
    if heard.text and not _words(re.sub(_DRAWN_OUT_WORD, "", heard.text)):
        return True
    if heard.no_speech_probability > _PHANTOM_REPETITION and is_runaway(heard):
        return True
    return any(
        heard.no_speech_probability >= no_speech and heard.mean_log_probability < surest
        for no_speech, surest in _PHANTOMS
    )


def without_repetition(text: str) -> str:
    """Keep one of four or more successive repeats of a phrase of up to six words.

    Letters that are drawn out are kept once.
    """
    text = re.sub(_DRAWN_OUT, r"\1", text)
    found = list(re.finditer(_WORD, text))
    words = [match.group().lower() for match in found]
    for start in range(len(words)):
        for length in range(1, 7):
            phrase = words[start : start + length]
            repeats = 1
            while words[start + repeats * length : start + (repeats + 1) * length] == phrase:
                repeats += 1
            # People do say "no no no", and read out digits.
            if repeats >= 4 and repeats * length >= 8:
                return text[: found[start + length - 1].end()]
    return text


def is_repetition(text: str, of: str) -> bool:
    """Whether `text` only repeats the end of `of`, once or more often."""
    words, said = _words(text), _words(of)
    if not words:
        return True
    # The decoder may have been stopped within the last word.
    *whole, last = words
    for length in range(1, len(said) + 1):
        phrase = said[-length:]
        again = phrase * (len(words) // length + 1)
        if again[: len(whole)] == whole and again[len(whole)].startswith(last):
            return True
    return False


def _is_long(heard: Transcription) -> bool:
    most = _DOUBTFUL_BASE + _DOUBTFUL_PER_SECOND * heard.audio_seconds
    return heard.tokens > most and max(heard.text, default="") <= _LAST_LATIN


def _ends_in_repetition(text: str) -> bool:
    words = _words(text)
    for length in range(1, len(words) // 2 + 1):
        phrase = words[-length:]
        repeats = 1
        while words[len(words) - (repeats + 1) * length :][:length] == phrase:
            repeats += 1
            if repeats >= _DOUBTFUL_REPEATS.get(length, 2):
                return True
            if (repeats + 1) * length > len(words):
                break
    return False


_DRAWN_OUT = re.compile(rf"([^\W\d_]{{1,{_LONGEST_UNIT}}}?)\1{{7,}}", re.IGNORECASE)
_DRAWN_OUT_WORD = re.compile(rf"\w*{_DRAWN_OUT.pattern}\w*", re.IGNORECASE)
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


def _words(text: str) -> list[str]:
    return [match.group().lower() for match in re.finditer(_WORD, text)]


def _compression_ratio(text: str) -> float:
    data = text.encode()
    return len(data) / len(zlib.compress(data)) if len(data) > 40 else 0.0
