"""Judges by a caller's words over the agent's speech whether the agent shall stop or go on."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import Match, SequenceMatcher
from enum import StrEnum

from .phrases import Phrases, phrases_for

_LONGEST_ASSENT_WORDS = 6
"""More words than this are speech of their own, whatever they are."""
_LONGEST_ASSENT_SECONDS = 2.5
"""So is a voice that goes on for longer than this."""
_DOUBTFUL_LOG_PROBABILITY = -1.0
"""Whisper base writes short words of people at -0.97 ("Stop.") or better, and what it makes of a
hum, a cough or a chair at -1.07 or worse (`benchmarks.interruptions`, docs/interruptions.md)."""
_DOUBTFUL_WORDS = 2
_DOUBTFUL_SECONDS = 1.0
"""Only as short a voice may be no word at all: the doubt about more has other reasons."""
_ECHO_WORDS = 0.75
"""Share of the words heard that are the agent's own, in their order."""
_LEAST_ECHO_WORDS = 3
"""Callers repeat a word or two of the agent's to ask about them."""
_ECHO_SOUND = 0.8
"""Share of the voice that sounds as the agent's from which nothing else was said."""
_MISHEARD_LOG_PROBABILITY = -0.8
"""What Whisper base makes of the first words of a soft echo is at -0.8 to -1.4, of people's short
requests mostly above -0.6."""
_ECHO_IN_PART = 0.4
"""From this share on, fewer of the words need to be the agent's."""
_ECHO_WORDS_IN_PART = 0.5
_OTHER_WORDS = 4
"""So many words in a row that are none of the agent's were said beside its echo."""
_UNSPACED = ("ja", "zh", "yue", "th", "lo", "my", "km")
"""Languages written without spaces between words."""
_HUM = re.compile(r"(?=.*m)[mhn]+|m{2,}\w{0,3}|h+m+\w?|e?mi?hu?m+")
"""A hum as a recogniser writes it: "MMHNM", "mmhm", "hmm"."""
_LAUGHTER = re.compile(
    r"(?:[hjxх]+[aeiouаеиё]+h?){2,}|a?(?:ha)+h?|[哈呵]{2,}|[ハは]{2,}|[ㅋㅎ]{2,}|ه{2,}"
)
_STAGE_DIRECTION = re.compile(r"[\[(*♪][^\])*♪]*[\])*♪]?")
"""What a recogniser writes of sounds: "[laughter]", "(coughs)", "♪"."""


class Meaning(StrEnum):
    """What a voice over the agent's means."""

    OPEN = "open"
    """Nothing is known yet."""
    INTERRUPTION = "interruption"
    """The caller wants the floor: the agent stops, and answers."""
    BACKCHANNEL = "backchannel"
    """The caller listens: the agent goes on, and answers nothing."""
    ECHO = "echo"
    """The agent's own voice, from a loudspeaker."""
    NOISE = "noise"
    """No speech, or none that can be understood."""

    @property
    def ends_speech(self) -> bool:
        """Whether the agent stops for good."""
        return self is Meaning.INTERRUPTION

    @property
    def lets_speech_go_on(self) -> bool:
        """Whether the agent goes on."""
        return self not in (Meaning.OPEN, Meaning.INTERRUPTION)


@dataclass(frozen=True, slots=True)
class Overlap:
    """What is known of a caller's voice that began while the agent spoke."""

    text: str
    """The words so far, as recognised; empty if there are none yet."""
    language: str = "en"
    """Of the text, ISO 639-1."""
    voiced_seconds: float = 0.0
    """Voice so far, pauses excluded."""
    mean_log_probability: float = 0.0
    """Of the decoder, per token."""
    agent_words: str = ""
    """What the agent said in the last seconds, and is about to say."""
    echo_share: float = 0.0
    """How much of the voice sounded as the agent's own did a moment before, from 0 to 1."""
    echo_possible: bool = False
    """Whether nothing has shown yet that the agent's voice does not come back."""
    agent_asked: bool = False
    """Whether the agent's latest words were a question."""
    complete: bool = True
    """Whether the caller has paused: of a word that is still being spoken more may come."""


def judge_overlap(overlap: Overlap, assent: Sequence[str] = ()) -> Meaning:
    """Return what the voice means, by its words, its length and the decoder's doubt.

    `assent` are further phrases that count as "go on", in any language. A voice that may still
    become something else is `OPEN`.
    """
    spoken = _STAGE_DIRECTION.sub(" ", overlap.text)
    words = _words(spoken, overlap.language)
    if not words:
        return Meaning.NOISE if overlap.text.strip() else Meaning.OPEN
    if overlap.echo_share >= _ECHO_SOUND:
        return Meaning.ECHO
    phrases = phrases_for(overlap.language).also(assent)
    agent_words = _words(overlap.agent_words, overlap.language)
    echoes = _is_echo(words, agent_words, overlap.echo_share)
    if overlap.echo_possible and overlap.complete and not overlap.agent_asked:
        # A word or two that come back at once are all of an echo that has paused the agent, and
        # are easily misheard. Who is asked may answer with the agent's words.
        echoes = echoes or _are_said(words, agent_words) or _sounds_misheard(overlap)
    stops = _begins_with_stop(words, phrases, overlap.language)
    # An agent says "sorry" as well, but then it has said so.
    if stops and not (echoes and words[0] in agent_words):
        return Meaning.INTERRUPTION
    if echoes:
        return Meaning.ECHO
    if not overlap.complete and _may_be_echo(words, agent_words, overlap.echo_share):
        # More words, or their end, will tell.
        return Meaning.OPEN
    if _is_assent(words, phrases, overlap):
        if not overlap.complete:
            return Meaning.OPEN
        answers = overlap.agent_asked and _holds_answer(words, phrases, overlap.language)
        return Meaning.INTERRUPTION if answers else Meaning.BACKCHANNEL
    if _is_doubtful(words, overlap):
        return Meaning.NOISE if overlap.complete else Meaning.OPEN
    return Meaning.INTERRUPTION


def _is_assent(words: list[str], phrases: Phrases, overlap: Overlap) -> bool:
    if len(words) > _LONGEST_ASSENT_WORDS and overlap.language not in _UNSPACED:
        return False
    if overlap.voiced_seconds > _LONGEST_ASSENT_SECONDS:
        return False
    return _consists_of(words, phrases.assent, overlap.language)


def _is_doubtful(words: list[str], overlap: Overlap) -> bool:
    return (
        len(words) <= _DOUBTFUL_WORDS
        and overlap.voiced_seconds <= _DOUBTFUL_SECONDS
        and overlap.mean_log_probability < _DOUBTFUL_LOG_PROBABILITY
    )


def _consists_of(words: list[str], phrases: frozenset[tuple[str, ...]], language: str) -> bool:
    """Whether the words are phrases, hums and laughter, one after the other."""
    if language in _UNSPACED:
        return _is_made_of("".join(words), tuple("".join(phrase) for phrase in phrases))
    place = 0
    while place < len(words):
        length = _phrase_at(words, place, phrases)
        if length == 0:
            if not (_HUM.fullmatch(words[place]) or _LAUGHTER.fullmatch(words[place])):
                return False
            length = 1
        place += length
    return True


def _phrase_at(words: list[str], place: int, phrases: frozenset[tuple[str, ...]]) -> int:
    """Return the words of the longest phrase that begins there, or 0."""
    for length in range(min(4, len(words) - place), 0, -1):
        if tuple(words[place : place + length]) in phrases:
            return length
    return 0


def _is_made_of(text: str, pieces: tuple[str, ...]) -> bool:
    reached = {0}
    for end in range(1, len(text) + 1):
        if any(text.endswith(p, 0, end) and end - len(p) in reached for p in pieces):
            reached.add(end)
    return len(text) in reached or _LAUGHTER.fullmatch(text) is not None


def _begins_with_stop(words: list[str], phrases: Phrases, language: str) -> bool:
    """Whether the first words, after any assent ("okay, stop"), ask the agent to stop."""
    if language in _UNSPACED:
        text = "".join(words)
        return text.startswith(tuple("".join(phrase) for phrase in phrases.stops))
    place = 0
    while place < len(words):
        assent = _phrase_at(words, place, phrases.assent)
        if _phrase_at(words, place, phrases.stops) > assent:
            return True
        place += assent or len(words)
    return False


def _holds_answer(words: list[str], phrases: Phrases, language: str) -> bool:
    if language in _UNSPACED:
        return any("".join(phrase) in "".join(words) for phrase in phrases.answers)
    return any(_phrase_at(words, place, phrases.answers) for place in range(len(words)))


def _is_echo(words: list[str], agent_words: list[str], echo_share: float) -> bool:
    in_part = echo_share >= _ECHO_IN_PART
    if not agent_words or (len(words) < _LEAST_ECHO_WORDS and not in_part):
        return False
    matcher = SequenceMatcher(None, agent_words, words, autojunk=False)
    blocks = matcher.get_matching_blocks()
    if _longest_between(blocks, words) >= _OTHER_WORDS:
        return False
    matched = sum(block.size for block in blocks)
    if in_part:
        # A recogniser writes "3" for the agent's "three".
        matched += sum(word.isdecimal() and word not in agent_words for word in words)
    return matched >= (_ECHO_WORDS_IN_PART if in_part else _ECHO_WORDS) * len(words)


def _longest_between(blocks: Sequence[Match], words: list[str]) -> int:
    """Return how many words in a row, numbers left out, are in none of the blocks."""
    longest = place = 0
    for block in blocks:
        others = [word for word in words[place : block.b] if not word.isdecimal()]
        longest = max(longest, len(others))
        place = block.b + block.size
    return longest


def _are_said(words: list[str], agent_words: list[str]) -> bool:
    """Whether the agent said just these few words, one after the other."""
    length = len(words)
    return length < _LEAST_ECHO_WORDS and any(
        agent_words[place : place + length] == words
        for place in range(len(agent_words) - length + 1)
    )


def _sounds_misheard(overlap: Overlap) -> bool:
    """Whether the voice is a little like the agent's, and nobody's clear words."""
    alike = overlap.echo_share >= _ECHO_IN_PART
    return alike and overlap.mean_log_probability < _MISHEARD_LOG_PROBABILITY


def _may_be_echo(words: list[str], agent_words: list[str], echo_share: float) -> bool:
    """Whether the first words of a voice that is not over sound or read a little as the agent's."""
    if len(words) > _LEAST_ECHO_WORDS:
        return False
    said = bool(agent_words) and len(words) < _LEAST_ECHO_WORDS
    all_said = said and all(word in agent_words or word.isdecimal() for word in words)
    return all_said or echo_share >= _ECHO_IN_PART


def _words(text: str, language: str) -> list[str]:
    """Return the words in lower case without punctuation; hyphens separate."""
    folded = unicodedata.normalize("NFC", text).lower().replace("\u2019", "'")
    if language in _UNSPACED:
        return re.findall(r"\w+", folded)
    return [word.strip("'") for word in re.findall(r"[\w']+", folded) if word.strip("'")]
