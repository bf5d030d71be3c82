"""Find the phonemes of each word in a clause."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from ..text.punctuation import PAUSE_MARKS

_NEARBY_SOUNDS = 2
"""A word's end is moved to a gap between groups of phonemes at most this far away."""
_SILENT = PAUSE_MARKS | frozenset("-\"'()¿¡")


@dataclass(frozen=True, slots=True)
class WordSounds:
    """The size of a word when it is spoken alone."""

    groups: int
    """Groups of phonemes between spaces: "25" has two."""
    sounds: int
    """Phonemes without spaces and punctuation."""


def word_sounds(phonemes: Sequence[str]) -> WordSounds:
    """Count the groups and sounds of a word spoken alone."""
    groups = "".join(p if _is_sound(p) else " " for p in phonemes).split()
    return WordSounds(len(groups), sum(map(_is_sound, phonemes)))


def match_words(words: Sequence[WordSounds], phonemes: Sequence[str]) -> list[tuple[int, int]]:
    """Return the phonemes of each word of a clause, as index ranges (start, end) in order.

    If the clause has as many groups as its words have alone, groups are matched one to one. If
    words have merged ("of the" is one group), sounds are shared out in proportion, and the ends
    moved to nearby gaps.
    """
    at = [index for index, phoneme in enumerate(phonemes) if _is_sound(phoneme)]
    if not at:
        return [(0, 0)] * len(words)
    gaps = [n for n in range(1, len(at)) if at[n] > at[n - 1] + 1]
    if len(gaps) + 1 == sum(word.groups for word in words):
        bounds = [0, *gaps, len(at)]
        ends = [bounds[n] for n in accumulate(word.groups for word in words)]
    else:
        ends = _share_out(words, len(at), gaps)
    ranges: list[tuple[int, int]] = []
    start = 0
    for end in ends:
        if end > start:
            ranges.append((at[start], at[end - 1] + 1))
        else:
            here = at[start - 1] + 1 if start else at[0]
            ranges.append((here, here))
        start = end
    return ranges


def _share_out(words: Sequence[WordSounds], sounds: int, gaps: Sequence[int]) -> list[int]:
    total = sum(word.sounds for word in words) or 1
    spoken = accumulate(word.sounds for word in words)
    ends = [round(so_far * sounds / total) for so_far in spoken]
    free = 0
    for gap in gaps:
        # The end nearest to the gap, among those after the last one moved.
        near = min(range(free, len(ends) - 1), key=lambda n: abs(ends[n] - gap), default=None)
        if near is not None and abs(ends[near] - gap) <= _NEARBY_SOUNDS:
            ends[near] = gap
            free = near + 1
    return list(accumulate(ends, max))


def _is_sound(phoneme: str) -> bool:
    return not phoneme.isspace() and phoneme not in _SILENT
