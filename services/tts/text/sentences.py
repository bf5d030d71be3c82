"""Split text that arrives in pieces into sentences, each released once it is complete."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from .clauses import last_clause_end
from .punctuation import (
    CLOSING_MARKS,
    SENTENCE_MARKS,
    WIDE_CLOSING_MARKS,
    WIDE_SENTENCE_MARKS,
)
from .verbalizer import language_of

_FENCE = "```"
_CANDIDATE = re.compile(
    rf"""
      (?P<wide>[{WIDE_SENTENCE_MARKS}]+[{WIDE_CLOSING_MARKS}]*)
    | (?P<mark>[{SENTENCE_MARKS}]+)(?P<closing>[{re.escape(CLOSING_MARKS)}]*)
    | (?P<newline>\n)
    | (?P<fence>```)
    """,
    re.VERBOSE,
)
_WORD_BEFORE = re.compile(r"[^\s(\[{\"'“‘«*_]*$")
_INITIALS = re.compile(r"(?:[^\W\d_]\.)*[^\W\d_]")
"""J, U.S, p.m and the like."""
_ROMAN = re.compile(r"[ivx]{1,6}")
_AFTER_ARTICLE = re.compile(r"(\w+)\s+\d{1,3}$")
_ITEM_LETTER = re.compile(r"(?:^|\n)\s*\w$")
_ITEM_NUMBER = re.compile(r"(?:^|\n)\s*\d{1,3}$")


@dataclass(frozen=True, slots=True)
class SplitRules:
    """Lengths in characters."""

    minimum: int = 12
    """A shorter sentence ("Yes.") is joined with the next."""
    clause: int = 70
    """A sentence that is still open at this length is released up to its last clause end ..."""
    clause_minimum: int = 30
    """... if at least this much precedes it."""
    maximum: int = 300
    """Longer text without an end is cut between words, or within one."""


_DEFAULT_RULES = SplitRules()


def split_sentences(
    text: str, rules: SplitRules = _DEFAULT_RULES, *, language: str = "en"
) -> list[str]:
    """Split a complete text, as a `SentenceSplitter` does."""
    splitter = SentenceSplitter(rules, language=language)
    return splitter.push(text) + splitter.flush()


class SentenceSplitter:
    """Takes text in any pieces; not safe for use by several threads at once.

    Every character except the spaces around sentences is released once, in order. A block of
    code between ``` is released as one sentence.
    """

    def __init__(self, rules: SplitRules = _DEFAULT_RULES, *, language: str = "en") -> None:
        """Begin with no text; `language` is an ISO 639-1 code, for its abbreviations."""
        self._rules = rules
        self._language = language_of(language)
        self._buffer = ""
        self._decided = 0
        """Position in the buffer before which no sentence ends."""
        self._code: list[str] = []
        """Text after the buffer, if the buffer begins a block of code that is still open."""
        self._code_end = ""
        """The last characters of that block, in case its end arrives in pieces."""

    def push(self, text: str) -> list[str]:
        """Add text; returns the sentences that are now complete."""
        # Half a surrogate pair, as broken JSON yields, could not be encoded later.
        text = text.encode("utf-8", "replace").decode()
        if self._code_end:
            # Kept in pieces, as joining them each time would take quadratic time.
            seen = self._code_end + text
            self._code.append(text)
            self._code_end = seen[1 - len(_FENCE) :]
            if _FENCE not in seen:
                return []
            self._join_code()
        else:
            self._buffer += text
        sentences = list(self._take(final=False))
        if self._buffer.startswith(_FENCE):
            self._code_end = self._buffer[1 - len(_FENCE) :]
        return sentences

    def flush(self) -> list[str]:
        """End the text for now; returns the remaining sentences."""
        self._join_code()
        return list(self._take(final=True))

    def _join_code(self) -> None:
        self._buffer += "".join(self._code)
        self._code.clear()
        self._code_end = ""

    def _take(self, *, final: bool) -> Iterator[str]:
        while (end := self._find_end(final=final)) is not None:
            sentence, self._buffer = self._buffer[:end].strip(), self._buffer[end:]
            self._decided = 0
            if sentence:
                yield sentence

    def _find_end(self, *, final: bool) -> int | None:
        """Return where the first sentence ends, or None if it has not ended yet."""
        buffer, rules = self._buffer, self._rules
        if not buffer:
            return None
        if buffer.startswith(_FENCE):
            return self._find_end_of_code(final=final)
        for match in _CANDIDATE.finditer(buffer, self._decided, rules.maximum):
            ends = self._ends_sentence(match, final=final)
            if ends is None:
                self._decided = match.start()
                break
            end = match.start() if match["fence"] else match.end()
            if ends and (match["fence"] or len(buffer[:end].strip()) >= rules.minimum):
                return end
            self._decided = match.end()
        if len(buffer) >= rules.maximum:
            return self._cut(rules.maximum)
        if final:
            return len(buffer)
        if len(buffer) > rules.clause:
            return last_clause_end(buffer, minimum=rules.clause_minimum, limit=len(buffer))
        return None

    def _find_end_of_code(self, *, final: bool) -> int | None:
        end = self._buffer.find(_FENCE, max(len(_FENCE), self._decided - len(_FENCE)))
        if end >= 0:
            return end + len(_FENCE)
        self._decided = len(self._buffer)
        return len(self._buffer) if final else None

    def _ends_sentence(self, match: re.Match[str], *, final: bool) -> bool | None:
        """Whether a sentence ends at `match`; None if that depends on text to come."""
        if not match["mark"]:
            return True
        buffer, end = self._buffer, match.end()
        if end == len(buffer):
            return True if final else None
        if not buffer[end].isspace():
            return False
        follows = buffer[end:].lstrip()[:1]
        if match["mark"] == ".":
            start = buffer[: match.start()]
            word = _WORD_BEFORE.search(start)
            before = re.split(r"[-–—]", word.group().lower())[-1] if word else ""
            language = self._language
            if (
                before in language.never_last
                or before.endswith(language.never_last_endings)
                or _ITEM_NUMBER.search(start)
            ):
                return False
            if language.ordinal_full_stop and before.isdigit() and len(before) <= 2:
                return self._ends_at_number(match.start(), end, final=final)
            initials = _INITIALS.fullmatch(before) is not None and before != "i"
            if initials and "." not in before:
                # "J. Smith" goes on, "plan B. Then" does not.
                if not follows:
                    return True if final else None
                if not language.openers or _ITEM_LETTER.search(start):
                    return False
                return self._begins_after(before, end, final=final)
            if initials or before in language.sometimes_last:
                if not follows:
                    return True if final else None
                if follows.islower() or follows.isdigit():
                    return False
                return self._begins_after(before, end, final=final)
            if language.ordinal_full_stop and _ROMAN.fullmatch(before) and follows:
                # "Wilhelm II. war": a capital may begin a sentence as well as a noun.
                return not follows.islower()
            doubtful = bool(match["closing"])
        else:
            doubtful = bool(match["closing"]) or match["mark"][-1] in ".…"
        if not doubtful:
            return True
        if not follows:
            return True if final else None
        return not follows.islower()

    def _begins_after(self, before: str, end: int, *, final: bool) -> bool | None:
        """Whether what follows an abbreviation, with a capital, begins a sentence.

        "The U.S. Navy" goes on, "in the U.S. They" does not; nor does "at 5 p.m. Then".
        """
        rest = self._buffer[end:].lstrip()
        if rest[:1] in "([–—=+×/&":
            return False
        word = re.match(r"[^\w\s]*([^\W\d_]*)(\W?)", rest)
        assert word is not None
        said, language = word[1].lower(), self._language
        tells = len(before) == 1 or before in language.ends_before_opener
        if not word[2] and not final:
            if tells or any(known.startswith(said) for known in language.goes_on):
                return None
            return True
        return said not in language.goes_on and (not tells or said in language.openers)

    def _ends_at_number(self, start: int, end: int, *, final: bool) -> bool | None:
        """Whether a sentence ends at the full stop of "3.", which may be "third"."""
        if self._language.before_ordinal and _AFTER_ARTICLE.search(self._buffer[:start]):
            article = _AFTER_ARTICLE.search(self._buffer[:start])
            assert article is not None
            if article[1].lower() in self._language.before_ordinal:
                follows = self._buffer[end:].strip()
                return False if follows else True if final else None
        word = re.match(r"\s*(\w+)(\W?)", self._buffer[end:])
        if word is None or not word[2]:
            return True if final else None
        return not (word[1].islower() or word[1].lower() in self._language.follows_ordinal)

    def _cut(self, limit: int) -> int:
        """Return where to cut text that is too long: after a clause, else a word, else anywhere."""
        minimum = self._rules.clause_minimum
        space = self._buffer.rfind(" ", minimum, limit)
        clause = last_clause_end(self._buffer, minimum=minimum, limit=limit)
        return clause or (space if space > 0 else limit)
