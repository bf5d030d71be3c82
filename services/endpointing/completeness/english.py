"""Whether an English utterance is complete, from its function words."""

from __future__ import annotations

import re
from collections.abc import Callable

from ..verdict import WaitReason
from .english_words import (
    ADJECTIVES,
    ADVERBS_OF_DEGREE,
    ARTICLES,
    AUXILIARIES,
    BE,
    BEFORE_A_VERB,
    CONJUNCTIONS,
    CONTRACTIONS,
    DEMANDING_VERBS,
    DO,
    FILLERS,
    HOURS,
    INDIRECT_OBJECT_VERBS,
    MEASURES,
    MODALS,
    NUMBERS,
    OBJECTS,
    OPENABLE_VERBS,
    OPERATORS,
    PARTICLE_VERBS,
    PARTICLES,
    POLITE,
    PREPOSITIONS,
    QUESTION_WORDS,
    SUBJECTS,
    SUBORDINATORS,
    TENS,
    THINKING_ALOUD,
    USUALLY_DATED_VERBS,
    USUALLY_DETAILED,
    VERBS_OF_OPINION,
    VERBS_WITH_PREPOSITION,
    WHOLE_UTTERANCES,
)
from .verdict import Completeness


def judge(text: str) -> Completeness | None:
    """Judge an English transcript; None where it has no English word.

    General rules on how English utterances end rather than a list of known requests, so that they
    serve any assistant: an article, preposition, conjunction or auxiliary at the end announces
    more words, as do verbs without their object and questions without their verb.
    """
    if sum(letter.isascii() for letter in text) < 0.9 * len(text):
        return None
    words = _words(text.lower())
    if not words:
        return None
    for rule in _RULES:
        judgement = rule(words)
        if judgement is not None:
            return judgement
    return Completeness(0.85, "nothing is missing")


_Rule = Callable[[list[str]], Completeness | None]


def _words(text: str) -> list[str]:
    """Split lower-case text into words, contracted auxiliaries apart."""
    words = re.findall(r"[a-z]+(?:'[a-z]+)?|\d[\d.,:]*", text)
    separated: list[str] = []
    for word in words:
        for ending, full in CONTRACTIONS.items():
            if word.endswith(ending) and word != ending:
                separated += [word.removesuffix(ending), full]
                break
        else:
            separated.append(word)
    return separated


def _is_number(word: str) -> bool:
    return word in NUMBERS or word[0].isdigit()


def _is_time(words: list[str]) -> bool:
    """Whether numbers may be a time of day: "seven thirty", "7:30"."""
    if len(words) == 1:
        return ":" in words[0]
    return len(words) < 4 and words[0] in HOURS and words[1] in TENS | {"oh", "fifteen", "ten"}


def _request(words: list[str]) -> list[str]:
    """Drop polite words from the start."""
    start = 0
    while start < len(words) - 1 and words[start] in POLITE:
        start += 1
    return words[start:]


def _question(words: list[str]) -> list[str]:
    """Return the words from the first question word on, or none."""
    positions = [index for index, word in enumerate(words) if word in QUESTION_WORDS]
    return words[positions[0] :] if positions else []


def _thinking_aloud(words: list[str]) -> Completeness | None:
    said = " ".join(words).removesuffix(" please")
    if len(words) > 6 or not said.endswith(THINKING_ALOUD):
        return None
    if said.endswith(("do you know", "did you know")):
        return None
    return Completeness(0.15, "thinks aloud", WaitReason.THINKING)


def _whole_utterance(words: list[str]) -> Completeness | None:
    if " ".join(words) in WHOLE_UTTERANCES:
        return Completeness(0.95, "an utterance of its own")
    return None


def _hesitation(words: list[str]) -> Completeness | None:
    if words[-1] in FILLERS and len(words) > 1:
        return Completeness(0.1, f"hesitates: {words[-1]}", WaitReason.THINKING)
    if words[-1] == "like":
        return Completeness(0.8 if _question(words) else 0.1, "ends with like")
    if all(word in POLITE for word in words) and any(word in MODALS for word in words):
        return Completeness(0.05, "only a polite beginning")
    return None


def _announces_a_noun(words: list[str]) -> Completeness | None:
    last = words[-1]
    if last == "her" or (last == "no" and len(words) > 1):
        return None
    if last in ARTICLES:
        return Completeness(0.02, f"ends with {last}")
    if last in ADVERBS_OF_DEGREE and words[-2:-1] != ["very"] and last not in ("more", "much"):
        return Completeness(0.1, f"ends with {last}")
    if last in ADJECTIVES and len(words) > 1 and words[-2] in ARTICLES:
        return Completeness(0.2, f"an adjective without its noun: {last}")
    return None


def _conjunction(words: list[str]) -> Completeness | None:
    last = words[-1]
    if words[0] in SUBORDINATORS and len(words) < 7:
        return Completeness(0.3, f"a clause that begins with {words[0]}")
    if last == "then" and words[-2:-1] == ["and"]:
        return Completeness(0.05, "ends with and then")
    if last == "that" and words[-2:-1] and words[-2] in VERBS_OF_OPINION:
        return Completeness(0.1, "ends with that")
    if last not in CONJUNCTIONS:
        return None
    return Completeness(0.03, f"ends with {last}")


def _short_question(words: list[str]) -> Completeness | None:
    """Judge questions that break off before their verb or subject."""
    question = _question(words)
    if not question:
        return None
    last = words[-1]
    if last in QUESTION_WORDS:
        if len(words) == 1:
            return Completeness(0.3, f"only {last}")
        return Completeness(0.15, f"ends with {last}")
    if not any(word in AUXILIARIES for word in question):
        if len(question) < 4 and question[1] in MEASURES:
            return Completeness(0.15, "a question without its verb")
        return None
    if len(question) > 1 and question[-2] in AUXILIARIES and last in SUBJECTS:
        if question[-2] in BE:
            known = question[0] in ("who", "how", "where") or last in ("it", "this", "that")
            return Completeness(0.85 if known else 0.45, f"ends with {question[-2]} {last}")
        if question[-2] not in DO or len(question) > 2:
            return Completeness(0.05, f"a question without its verb after {last}")
    if question[0] == "what" and len(question) > 2 and question[1] in BE:
        return _what_is(question)
    return None


def _what_is(question: list[str]) -> Completeness | None:
    """Judge "what is ...": a bare number or a possessive rarely ends the question."""
    rest = question[2:]
    if all(_is_number(word) or word == "and" for word in rest):
        return Completeness(0.15, "a number without its operation")
    if any(word in OPERATORS for word in rest) and _is_number(rest[-1]):
        # "twenty" may become "twenty one", and any sum may go on.
        return Completeness(0.8 if rest[-1] not in TENS else 0.65, "a calculation")
    return None


def _subject_of_a_question(words: list[str]) -> Completeness | None:
    """Judge "can you", "will it": an auxiliary and its subject without a verb."""
    if len(words) < 2 or words[-1] not in SUBJECTS or words[-2] not in AUXILIARIES:
        return None
    before = words[:-2]
    if all(word in POLITE for word in before):
        return Completeness(0.05, f"a question without its verb after {words[-1]}")
    if words[-2] in MODALS:
        return Completeness(0.1, f"a question without its verb after {words[-1]}")
    return None


def _auxiliary(words: list[str]) -> Completeness | None:
    last = words[-1]
    if last not in AUXILIARIES or (last == "may" and words[-2:-1] and words[-2] not in SUBJECTS):
        return None
    before = words[-2] if len(words) > 1 else ""
    if before in SUBJECTS:
        if last in ("do", "have", "does", "did") and _question(words):
            return Completeness(0.9, f"a question that ends with {before} {last}")
        if _question(words) and last in BE | MODALS:
            return Completeness(0.8, f"a clause that ends with {before} {last}")
        if words[0] in ("yes", "no") or (len(words) > 2 and words[0] == "i"):
            return Completeness(0.8, "a short answer")
        return Completeness(0.15, f"ends with {before} {last}")
    if last == "do" and before == "to":
        return Completeness(0.7, "ends with to do")
    return Completeness(0.03, f"ends with {last}")


def _preposition(words: list[str]) -> Completeness | None:
    last = words[-1]
    if last in PREPOSITIONS:
        question = _question(words)
        stranded = (
            len(question) > 3
            and question[0] in ("who", "where", "what")
            and words[-2] in SUBJECTS | VERBS_WITH_PREPOSITION
        )
        if stranded and last != "to":
            return Completeness(0.6, f"a question that may end with {last}")
        return Completeness(0.03, f"ends with {last}")
    if last in PARTICLES and len(words) > 1:
        before = words[-2]
        if before in OBJECTS and len(words) > 2 and last not in ("about", "in"):
            return Completeness(0.75, f"a verb with {last}")
        if before in PARTICLE_VERBS and last not in ("about", "around"):
            return Completeness(0.5, f"{before} {last} may want an object")
        return Completeness(0.05, f"ends with {last}")
    return None


def _operation(words: list[str]) -> Completeness | None:
    last = words[-1]
    if last in ("squared", "percent") or last not in OPERATORS:
        return None
    if last == "times" and not _question(words) and len(words) > 2:
        return Completeness(0.6, "a number of times")
    return Completeness(0.03, f"an operation without its number: {last}")


def _length_without_unit(words: list[str]) -> Completeness | None:
    """Judge "a timer for five": a preposition and a number without its unit."""
    start = len(words)
    while start and (_is_number(words[start - 1]) or words[start - 1] == "and"):
        start -= 1
    if start == len(words) or start == 0:
        return None
    before = words[start - 1]
    if before == "between":
        both = "and" in words[start:-1]
        return Completeness(0.8 if both else 0.03, "between two numbers")
    if before == "for" and (_is_time(words[start:]) or "alarm" in words):
        return Completeness(0.6, "a time of day, or a length without its unit")
    if before in ("for", "in", "another"):
        return Completeness(0.12, "a length of time without its unit")
    if before in ("the", "about", "than"):
        return Completeness(0.3, f"a number after {before}")
    return None


def _missing_particular(words: list[str]) -> Completeness | None:
    """Judge requests that are complete but usually name a place, a time or a range."""
    if words[-1] in USUALLY_DETAILED and len(words) > 2:
        return Completeness(0.4, f"{words[-1]}, but no particulars")
    request = _request(words)
    if len(request) == 2 and request[0] in USUALLY_DATED_VERBS:
        return Completeness(0.65, f"{request[0]} somebody, but perhaps not now")
    return None


def _missing_object(words: list[str]) -> Completeness | None:
    """Judge verbs without their object, or without the message to the person they name."""
    request = _request(words)
    last = request[-1]
    if len(request) == 2 and request[0] in INDIRECT_OBJECT_VERBS and last in ("me", "us"):
        return Completeness(0.1, f"{request[0]} {last}, but not what")
    if request[:3] == ["repeat", "after", "me"] and len(request) == 3:
        return Completeness(0.15, "nothing to repeat yet")
    if request[0] == "remind" and "to" not in request and "about" not in request:
        return Completeness(0.25, "nothing to be reminded of yet")
    if last in DEMANDING_VERBS and (len(request) == 1 or request[-2] in BEFORE_A_VERB):
        return Completeness(0.12 if last != "repeat" else 0.45, f"{last} without its object")
    if last in OPENABLE_VERBS and (len(request) == 1 or request[-2] in ("to", "will")):
        return Completeness(0.4, f"{last} may want an object")
    if request[0] in ("add", "put") and not any(w in ("to", "on", "in") for w in request):
        return Completeness(0.35, f"{request[0]}, but not where")
    if request[0] == "set" and not any(w in ("for", "to", "at", "on", "up") for w in request):
        return Completeness(0.35, "set, but not to what")
    return None


def _noun_phrase(words: list[str]) -> Completeness | None:
    """Judge a subject without a verb."""
    if words[0] in ARTICLES and len(words) < 4 and not any(w in AUXILIARIES for w in words):
        return Completeness(0.4, "only a noun phrase")
    if len(words) == 1 and words[0] in POLITE | SUBJECTS | ADJECTIVES:
        return Completeness(0.25, "one word that begins more")
    if len(words) == 1:
        return Completeness(0.55, "one word")
    if words[-1] in ("i", "we", "they", "he", "she"):
        return Completeness(0.05, f"a subject without its verb: {words[-1]}")
    if all(_is_number(word) for word in words):
        return Completeness(0.5, "only a number")
    return None


_RULES: tuple[_Rule, ...] = (
    _thinking_aloud,
    _whole_utterance,
    _hesitation,
    _announces_a_noun,
    _conjunction,
    _operation,
    _short_question,
    _subject_of_a_question,
    _auxiliary,
    _preposition,
    _length_without_unit,
    _missing_object,
    _missing_particular,
    _noun_phrase,
)
