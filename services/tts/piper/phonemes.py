"""Convert words to the phoneme ids of a Piper voice."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from ...models.voice_config import check_voice_config
from ..text.normalization import SpeakableWord
from ..text.punctuation import ends_with_pause
from ..types import SynthesisError, TTSLoadError
from .alignment import WordSounds, match_words, word_sounds

if TYPE_CHECKING:
    from piper.config import PiperConfig

_REMEMBERED_WORDS = 4096


@dataclass(frozen=True, slots=True)
class PlacedWord:
    """A written word and the range of its phoneme ids."""

    written: str
    start: int
    end: int
    """One past its last id; equal to `start` for a silent word."""
    share: float = 1.0
    """How much of the word's sound that is, as for `SpeakableWord`."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The input of one run of the network, with the words that it covers."""

    ids: list[int]
    words: list[PlacedWord]


class PiperText:
    """Converts words to phoneme ids as Piper does; every method is safe from any thread.

    espeak-ng has global state, which Piper's reader guards with a lock for the process.
    """

    def __init__(self, config: PiperConfig) -> None:
        piper = _piper()
        self._config = config
        self._marks = piper.const.BOS, piper.const.EOS, piper.const.PAD
        # Used for phonemes only, so it needs no session.
        self._reader = piper.PiperVoice(session=None, config=config)
        self._sounds_alone = lru_cache(_REMEMBERED_WORDS)(self._count_sounds)

    @property
    def language(self) -> str:
        """ISO 639-1 code, from the name of the espeak-ng voice."""
        return self._config.espeak_voice.split("-")[0].lower()

    def read(self, words: Sequence[SpeakableWord], *, goes_on: bool) -> list[Reading]:
        """Convert one clause: a reading for each sentence that espeak-ng finds in it.

        With `goes_on`, another clause of the sentence follows, so the voice does not fall. Returns
        nothing for a clause without sound. Raises SynthesisError.
        """
        text = " ".join(word.spoken for word in words if word.spoken)
        if goes_on and not ends_with_pause(text):
            text += ","
        sentences = [s for s in self._phonemize(text) if s] if text else []
        if not any(self._to_ids(s)[1] for s in sentences):
            return []
        spoken = [word for word in words if word.spoken]
        ranges = iter(
            match_words(
                [self._sounds_alone(word.spoken) for word in spoken],
                [phoneme for sentence in sentences for phoneme in sentence],
            )
        )
        places = _fill_silent([next(ranges) if word.spoken else None for word in words])
        readings: list[Reading] = []
        first = taken = 0
        for number, sentence in enumerate(sentences):
            ids, spans = self._to_ids(sentence)
            after = first + len(sentence)
            held: list[PlacedWord] = []
            while taken < len(words) and (places[taken][0] < after or number == len(sentences) - 1):
                start, end = (min(max(p - first, 0), len(sentence)) for p in places[taken])
                word = words[taken]
                held.append(PlacedWord(word.written, *_to_id_range(spans, start, end), word.share))
                taken += 1
            readings.append(Reading(ids, held))
            first = after
        return readings

    def _phonemize(self, text: str) -> list[list[str]]:
        try:
            phonemes: list[list[str]] = self._reader.phonemize(text)
        except Exception as error:
            raise SynthesisError(f"the text has no phonemes: {error}") from error
        return phonemes

    def _count_sounds(self, word: str) -> WordSounds:
        return word_sounds([p for sentence in self._phonemize(word) for p in sentence])

    def _to_ids(self, phonemes: Sequence[str]) -> tuple[list[int], list[tuple[int, int]]]:
        """Return the ids of a sentence, and the range of each phoneme (empty if unknown)."""
        id_map = self._config.phoneme_id_map
        begin, end, pad = (id_map[mark] for mark in self._marks)
        ids = [*begin, *pad]
        spans: list[tuple[int, int]] = []
        for phoneme in phonemes:
            start = len(ids)
            if phoneme in id_map:
                ids += [*id_map[phoneme], *pad]
            spans.append((start, len(ids)))
        return [*ids, *end], spans


def read_piper_config(path: Path) -> PiperConfig:
    """Read the configuration of a voice; raises TTSLoadError."""
    piper = _piper()
    marks = piper.const.BOS, piper.const.EOS, piper.const.PAD
    types = piper.config.PhonemeType
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        check_voice_config(content)
        config: PiperConfig = piper.config.PiperConfig.from_dict({"num_speakers": 1, **content})
    except OSError as error:
        raise TTSLoadError(
            f"{path} cannot be read: {error.strerror}. A Piper voice is two files, NAME.onnx and"
            " NAME.onnx.json: put both in one folder"
        ) from error
    except (ValueError, RecursionError) as error:
        raise TTSLoadError(
            f"{path} is not the configuration of a Piper voice ({error}): fetch the voice again"
        ) from error
    if config.phoneme_type not in (types.ESPEAK, types.TEXT):
        raise TTSLoadError(
            f"{path}: {config.phoneme_type.value} phonemes need packages that are not installed:"
            " choose a voice with espeak phonemes"
        )
    if missing := [s for s in marks if s not in config.phoneme_id_map]:
        raise TTSLoadError(f"{path} has no phoneme ids for {missing}: fetch the voice again")
    return config


def _fill_silent(places: list[tuple[int, int] | None]) -> list[tuple[int, int]]:
    """Place silent words at the start of the next word, or at the end of the last one."""
    filled: list[tuple[int, int]] = []
    after = max((p[1] for p in places if p), default=0)
    for place in reversed(places):
        if place is None:
            place = (after, after)
        filled.append(place)
        after = place[0]
    return filled[::-1]


def _to_id_range(spans: Sequence[tuple[int, int]], start: int, end: int) -> tuple[int, int]:
    if not spans:
        return 0, 0
    first = spans[start][0] if start < len(spans) else spans[-1][1]
    return first, spans[end - 1][1] if end > start else first


def _piper() -> ModuleType:
    """Return piper-tts, which whoever only recognises speech may lack. Raises TTSLoadError."""
    try:
        import piper
        import piper.config
        import piper.const
    except ImportError as error:
        raise TTSLoadError(f"piper-tts is not installed ({error}): no voice can speak") from error
    return piper
